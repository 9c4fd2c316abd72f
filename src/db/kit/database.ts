/** Opening a database by its URL. */
import { type Dialect, Kysely, type Logger, type Transaction } from 'kysely'
import { type DialectName, inTransaction } from './dialect.ts'
import { type Migration, migrate } from './migrate.ts'
import { type PoolState, postgresDialect } from './postgres.ts'
import { openSqlite, SqliteDialect } from './sqlite.ts'

export interface DatabaseOptions {
  /** PostgreSQL: how many connections the pool may open. Default 10. */
  readonly maxConnections?: number
  /** Hears of idle PostgreSQL connections that broke (the pool replaces them). */
  readonly onIdleError?: (error: Error) => void
  /** Hears of every query once it is done, for measuring. */
  readonly onQuery?: (query: FinishedQuery) => void
  /** Stamps the migration journal. Milliseconds since the epoch; default the machine's clock. */
  readonly now?: () => number
}

export interface FinishedQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly durationMs: number
}

export interface Database {
  readonly dialect: DialectName
  /** The one handle, seen as holding the tables of `DB`. */
  typed<DB>(): Kysely<DB>
  /** Brings the tables of one set up to date; safe when several processes do so at once. */
  migrate(set: string, migrations: readonly Migration[]): Promise<void>
  /**
   * Runs `work` in a transaction, again when it lost to another one. Inside, use `trx` only: on SQLite
   * any other query waits for the transaction to end.
   */
  transaction<DB, T>(work: (trx: Transaction<DB>) => Promise<T>): Promise<T>
  /** The connections of PostgreSQL's pool; SQLite has one of its own. */
  pool(): PoolState | undefined
  close(): Promise<void>
}

/**
 * Opens `sqlite:///abs/path.sqlite`, `sqlite://` (in memory) or `postgresql://…`. SQLAlchemy's way of
 * naming a driver (`postgresql+psycopg2://`) is understood. Throws on any other scheme.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const scheme = /^([a-z]+)(?:\+[a-z0-9_]+)?:\/\//.exec(url)
  const rest = url.slice(scheme?.[0].length ?? 0)
  const now = options.now ?? Date.now
  const { onQuery } = options
  const log: Logger | undefined =
    onQuery &&
    (({ query: { sql, parameters }, queryDurationMillis: durationMs }) =>
      onQuery({ sql, parameters, durationMs }))
  const open = (dialect: Dialect): Kysely<Record<string, never>> =>
    new Kysely({ dialect, ...(log && { log }) })
  if (scheme?.[1] === 'sqlite') {
    const inMemory = ['', '/', '/:memory:', ':memory:'].includes(rest)
    const sqlite = openSqlite(inMemory ? undefined : decodeURIComponent(rest))
    const pool = () => undefined
    return databaseOf('sqlite', open(new SqliteDialect(sqlite)), {
      now,
      pool,
      afterClose: () => sqlite.close(),
    })
  }
  if (scheme?.[1] === 'postgresql' || scheme?.[1] === 'postgres') {
    const { dialect, state } = postgresDialect(`postgresql://${rest}`, {
      maxConnections: options.maxConnections ?? 10,
      onIdleError: options.onIdleError ?? (() => {}),
    })
    return databaseOf('postgres', open(dialect), { now, pool: state, afterClose: () => {} })
  }
  throw new Error(`no database at ${url.replace(/\/\/.*@/, '//***@')}: give sqlite:///path or postgresql://…`)
}

function databaseOf(
  dialect: DialectName,
  kysely: Kysely<Record<string, never>>,
  {
    now,
    pool,
    afterClose,
  }: {
    readonly now: () => number
    readonly pool: () => PoolState | undefined
    readonly afterClose: () => void
  },
): Database {
  const typed = <DB>() => kysely as unknown as Kysely<DB>
  return {
    dialect,
    typed,
    migrate: (set, migrations) => migrate(typed(), dialect, set, migrations, now()),
    transaction: <DB, T>(work: (trx: Transaction<DB>) => Promise<T>) => inTransaction(typed<DB>(), work),
    pool,
    close: async () => {
      await kysely.destroy()
      afterClose()
    },
  }
}
