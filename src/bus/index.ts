/** The bus's door: which bus there is, by the configuration's `transport_url`. */
import { createInProcessBus } from './in-process.ts'
import type { Bus } from './port.ts'
import { createRabbitMqBus, type RabbitMqOptions } from './rabbitmq/rabbitmq-bus.ts'
import { parseTransportUrl } from './rabbitmq/transport-url.ts'

export interface BusOptions extends Omit<RabbitMqOptions, 'hosts' | 'vhost'> {
  /** `rabbit://…` as Nova writes it, or `in-process://`. */
  readonly transportUrl: string
}

/** A bus, and whether its messages go out now. Throws `TransportUrlError`. */
export function createBus(options: BusOptions): Bus & { isConnected(): boolean } {
  const transport = parseTransportUrl(options.transportUrl, options.tls !== undefined)
  if (transport.kind === 'in-process') return { ...createInProcessBus(options), isConnected: () => true }
  const { hosts, vhost, tls, query } = transport
  return createRabbitMqBus({
    ...options,
    hosts,
    vhost,
    tls: tls
      ? {
          caFile: query['ssl_ca_file'] ?? options.tls?.caFile,
          certFile: query['ssl_cert_file'] ?? options.tls?.certFile,
          keyFile: query['ssl_key_file'] ?? options.tls?.keyFile,
        }
      : undefined,
  })
}
