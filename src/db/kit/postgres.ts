/** Kysely over `pg`: a pool whose 64-bit integers arrive as numbers. `pg` is loaded only when it is used. */
import { type Dialect, PostgresDialect } from 'kysely'

/** The types (int8, numeric) that sums, counts and our integers come as; none of ours leaves the safe range. */
const READ_AS_NUMBER: ReadonlySet<number> = new Set([20, 1700])
/** A process that hangs in the middle of a transaction loses its locks after this. */
const IDLE_IN_TRANSACTION_MS = 60_000

export interface PoolOptions {
  readonly maxConnections: number
  /** Hears of connections that break while nobody uses them; the pool replaces them. */
  readonly onIdleError: (error: Error) => void
}

export function postgresDialect(url: string, options: PoolOptions): Dialect {
  return new PostgresDialect({
    pool: async () => {
      const { default: pg } = await import('pg')
      const pool = new pg.Pool({
        connectionString: url,
        max: options.maxConnections,
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        types: {
          getTypeParser: (oid, format) =>
            READ_AS_NUMBER.has(oid) ? Number : pg.types.getTypeParser(oid, format ?? 'text'),
        },
      })
      pool.on('error', options.onIdleError)
      return pool
    },
  })
}
