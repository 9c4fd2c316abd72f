/** Kysely over `pg`: a pool whose 64-bit integers arrive as numbers. `pg` is loaded only when it is used. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
} from 'kysely'
import type { Pool } from 'pg'
import { databaseAway, named, refuseUnstorable } from './dialect.ts'
import { createStatementNames, prepareRepeated } from './prepared.ts'

/** The types (int8, numeric) that sums, counts and our integers come as; none of ours leaves the safe range. */
const READ_AS_NUMBER: ReadonlySet<number> = new Set([20, 1700])
/** A process that hangs in the middle of a transaction loses its locks after this. */
const IDLE_IN_TRANSACTION_MS = 60_000
/** No query of ours takes as long; one that does waits for something that will not come. */
const STATEMENT_MS = 60_000
/**
 * No plan is compiled: ours take a tenth of a millisecond, and compiling one that was thought to be long took seventy,
 * each time. A URL that has options of its own has the last word.
 */
const SESSION = '-c jit=off'
/** How long a query waits for a connection before it fails. */
const CONNECT_MS = 10_000

export interface PoolOptions {
  readonly maxConnections: number
  /** Hears of connections that break while nobody uses them; the pool replaces them. */
  readonly onIdleError: (error: Error) => void
}

/** The connections of a pool, and how many queries wait for one. */
export interface PoolState {
  readonly open: number
  readonly idle: number
  readonly waiting: number
  readonly max: number
}

export function postgresDialect(
  url: string,
  options: PoolOptions,
): { readonly dialect: Dialect; state(): PoolState } {
  let made: Pool | undefined
  const names = createStatementNames()
  const dialect = new CheckingDialect({
    pool: async () => {
      const { default: pg } = await import('pg')
      const pool = new pg.Pool({
        connectionString: url,
        max: options.maxConnections,
        options: SESSION,
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        statement_timeout: STATEMENT_MS,
        connectionTimeoutMillis: CONNECT_MS,
        types: {
          getTypeParser: (oid, format) =>
            READ_AS_NUMBER.has(oid) ? Number : pg.types.getTypeParser(oid, format ?? 'text'),
        },
      })
      pool.on('error', options.onIdleError)
      // One that breaks while it is used says so to whoever uses it, and here; heard by nobody, it would end the process.
      pool.on('connect', (client) => {
        client.on('error', () => undefined)
        prepareRepeated(client, names)
      })
      made = pool
      return pool
    },
  })
  const state = (): PoolState => ({
    open: made?.totalCount ?? 0,
    idle: made?.idleCount ?? 0,
    waiting: made?.waitingCount ?? 0,
    max: options.maxConnections,
  })
  return { dialect, state }
}

class CheckingDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig

  constructor(config: PostgresDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new CheckingDriver(this.#config)
  }
}

/** Refuses what PostgreSQL cannot store before it is sent, as SQLite's connection does, and says when it is away. */
class CheckingDriver extends PostgresDriver {
  readonly #checked = new WeakSet<DatabaseConnection>()

  override async acquireConnection(
    options?: Parameters<PostgresDriver['acquireConnection']>[0],
  ): Promise<DatabaseConnection> {
    // Whatever keeps a connection from being made (even the socket's file being gone), nothing was asked yet.
    const connection = await super.acquireConnection(options).catch((error: unknown) => {
      throw databaseAway(error)
    })
    if (!this.#checked.has(connection)) {
      const execute = connection.executeQuery.bind(connection)
      let last: Promise<unknown> | undefined
      connection.executeQuery = <R>(query: CompiledQuery, options?: Parameters<typeof execute>[1]) => {
        for (const value of query.parameters) refuseUnstorable(value)
        const ask = () => execute<R>(query, options).catch(rethrow)
        // Those who share a transaction ask as they come; the connection answers one at a time.
        const mine = last ? last.then(ask, ask) : ask()
        last = mine
        const over = () => {
          if (last === mine) last = undefined
        }
        mine.then(over, over)
        return mine
      }
      this.#checked.add(connection)
    }
    return connection
  }
}

function rethrow(error: unknown): never {
  throw named(error)
}
