/**
 * A Kysely dialect over `node:sqlite`: one connection with its prepared statements, taken in turn; a
 * transaction holds the write lock from its start (BEGIN IMMEDIATE), so it never fails half way. When
 * another process writes, we wait without blocking the event loop.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { isBusy, named, refuseUnstorable } from './dialect.ts'

/** V8's linear-time engine (a flag it adds itself), and `^` and `$` at line ends. */
const LINEAR_MULTILINE = 'lm'
/** What a prepared `select *` yields may be different after these. */
const CHANGES_TABLES = /^\s*(create|alter|drop)\b/i
const MAX_STATEMENTS = 500
/** Another process may hold the file this long before we give up. */
const BUSY_TIMEOUT_MS = 10_000
/** One transaction may keep the others of this process waiting this long: a longer one is a deadlock of our own. */
const TURN_TIMEOUT_MS = 20_000

/** Opens (and makes) the file at `path`, or a database in memory. */
export function openSqlite(path: string | undefined): DatabaseSync {
  if (path !== undefined) mkdirSync(dirname(path), { recursive: true })
  const sqlite = new DatabaseSync(path ?? ':memory:', { timeout: BUSY_TIMEOUT_MS })
  sqlite.exec('pragma journal_mode = wal')
  sqlite.exec('pragma synchronous = normal')
  // A row that changes several times in a row reaches the file once: 16 MiB wait in the log at most.
  sqlite.exec('pragma wal_autocheckpoint = 4000')
  sqlite.exec('pragma foreign_keys = on')
  sqlite.exec('pragma cache_size = -16000')
  sqlite.exec('pragma busy_timeout = 5')
  sqlite.function('regexp', { deterministic: true }, regexp())
  return sqlite
}

/** SQL's `text regexp pattern`. The engine is linear in the text: patterns come from strangers. */
function regexp(): (pattern: SQLInputValue, text: SQLInputValue) => number {
  setFlagsFromString('--enable-experimental-regexp-engine')
  let last: { pattern: string; compiled: RegExp } | undefined
  return (pattern, text) => {
    if (typeof pattern !== 'string' || (typeof text !== 'string' && typeof text !== 'number')) return 0
    if (last?.pattern !== pattern) last = { pattern, compiled: new RegExp(pattern, LINEAR_MULTILINE) }
    return last.compiled.test(String(text)) ? 1 : 0
  }
}

export class SqliteDialect implements Dialect {
  readonly #sqlite: DatabaseSync

  constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#sqlite)
  }

  createQueryCompiler() {
    return new SqliteQueryCompiler()
  }

  createAdapter() {
    return new TurnTakingAdapter()
  }

  createIntrospector(db: ConstructorParameters<typeof SqliteIntrospector>[0]) {
    return new SqliteIntrospector(db)
  }
}

/** Our driver takes turns itself, so Kysely need not. */
class TurnTakingAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

class SqliteDriver implements Driver {
  readonly #connection: SqliteConnection
  readonly #turns = new Turns()

  constructor(sqlite: DatabaseSync) {
    this.#connection = new SqliteConnection(sqlite)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turns.take()
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#turns.pass()
  }

  async beginTransaction(): Promise<void> {
    await this.#connection.run('begin immediate')
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.run('commit')
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection.run('rollback')
  }

  async destroy(): Promise<void> {}
}

/** A queue for the one connection: first come, first served. */
class Turns {
  #taken = false
  readonly #waiting: { go(): void }[] = []

  async take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true
      return
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        go: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(
          new Error(
            `a transaction has kept the database for ${TURN_TIMEOUT_MS} ms: does it query outside itself? Pass trx down`,
          ),
        )
      }, TURN_TIMEOUT_MS)
      this.#waiting.push(waiter)
    })
  }

  pass(): void {
    const next = this.#waiting.shift()
    if (next) next.go()
    else this.#taken = false
  }
}

interface Prepared {
  readonly statement: StatementSync
  /** The names of the columns it yields; none when it yields no rows. */
  readonly columns: readonly string[]
}

/** Rows come as arrays and are made objects here: node:sqlite's own are slow to read from. */
function toObject(columns: readonly string[], values: ArrayLike<unknown>): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (let i = 0; i < columns.length; i++) row[columns[i] ?? ''] = values[i]
  return row
}

class SqliteConnection implements DatabaseConnection {
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, Prepared>()

  constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#unbusy(() => this.#execute<R>(query))
  }

  async run(statement: string): Promise<void> {
    await this.#unbusy(() => {
      this.#prepare(statement).statement.run()
    })
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    for (const row of this.#sqlite.prepare(query.sql).iterate(...query.parameters.map(toSqlite))) {
      yield { rows: [row as R] }
    }
  }

  #execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, columns } = this.#prepare(query.sql)
    const parameters = query.parameters.map(toSqlite)
    if (columns.length > 0) {
      const rows = statement.all(...parameters) as unknown as ArrayLike<unknown>[]
      return { rows: rows.map((values) => toObject(columns, values)) as R[] }
    }
    if (CHANGES_TABLES.test(query.sql)) this.#statements.clear()
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  /** Tries again while another process holds the file's lock. */
  async #unbusy<T>(attempt: () => T): Promise<T> {
    const end = performance.now() + BUSY_TIMEOUT_MS
    for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw named(error)
        await delay(wait)
      }
    }
  }

  #prepare(text: string): Prepared {
    const known = this.#statements.get(text)
    if (known) {
      // What is used stays: the map's order is that of use.
      this.#statements.delete(text)
      this.#statements.set(text, known)
      return known
    }
    const oldest = this.#statements.size >= MAX_STATEMENTS ? this.#statements.keys().next().value : undefined
    if (oldest !== undefined) this.#statements.delete(oldest)
    const statement = this.#sqlite.prepare(text)
    statement.setReturnArrays(true)
    const prepared = { statement, columns: statement.columns().map(({ name }) => name) }
    this.#statements.set(text, prepared)
    return prepared
  }
}

function toSqlite(value: unknown): SQLInputValue {
  refuseUnstorable(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(
    `SQLite cannot store a value of type ${value === undefined ? 'undefined' : typeof value}`,
  )
}
