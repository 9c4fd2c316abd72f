/** The bus that the configuration names. */
import { type BusOptions, createBus } from '#bus/index.ts'
import type { Footing } from './make.ts'

/** Begins to connect at once. Throws on a `transport_url` that cannot be read. */
export function makeBus({ config, clock, ids, logOf }: Footing): ReturnType<typeof createBus> {
  const { DEFAULT, oslo_messaging_rabbit: rabbit } = config
  const options: BusOptions = {
    transportUrl: DEFAULT.transport_url,
    ssl: rabbit.ssl,
    tls: {
      caFile: rabbit.ssl_ca_file ?? undefined,
      certFile: rabbit.ssl_cert_file ?? undefined,
      keyFile: rabbit.ssl_key_file ?? undefined,
    },
    // A connection is given up after two heartbeats that did not come.
    heartbeatSeconds: Math.ceil(rabbit.heartbeat_timeout_threshold / 2),
    prefetch: Math.max(1, DEFAULT.executor_thread_pool_size),
    clock,
    ids,
    log: logOf('bus'),
  }
  return createBus(options)
}
