/** The bus's door: which bus there is, by the configuration's `transport_url`. */
import { createInProcessBus } from './in-process.ts'
import type { TlsFiles } from './rabbitmq/link.ts'
import { createRabbitMqBus, type RabbitMqBus, type RabbitMqOptions } from './rabbitmq/rabbitmq-bus.ts'
import { parseTransportUrl } from './rabbitmq/transport-url.ts'

export interface BusOptions extends Omit<RabbitMqOptions, 'hosts' | 'vhost' | 'tls'> {
  /** `rabbit://…` as Nova writes it, or `in-process://`. What its query says wins over the options here. */
  readonly transportUrl: string
  /** Whether to speak TLS. */
  readonly ssl?: boolean
  /** Used only with TLS. */
  readonly tls?: TlsFiles
}

/** Throws `TransportUrlError`. A broker that is not there is no error: it is waited for. */
export function createBus({ transportUrl, ssl, tls = {}, ...options }: BusOptions): RabbitMqBus {
  const transport = parseTransportUrl(transportUrl, ssl)
  if (transport.kind === 'in-process') return { ...createInProcessBus(options), isConnected: () => true }
  const { query, ...broker } = transport
  const files = {
    caFile: query['ssl_ca_file'] ?? tls.caFile,
    certFile: query['ssl_cert_file'] ?? tls.certFile,
    keyFile: query['ssl_key_file'] ?? tls.keyFile,
  }
  return createRabbitMqBus({ ...options, ...broker, tls: broker.tls ? files : undefined })
}
