/** Where SQLite and PostgreSQL differ for a store: locks, retries, regular expressions, error codes. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Expression,
  type Kysely,
  PostgresAdapter,
  type RawBuilder,
  type SqlBool,
  sql,
  type Transaction,
} from 'kysely'
import { badRequest, Fault, isFault } from '#lib/fault.ts'

export type DialectName = 'sqlite' | 'postgres'

/** Which database `db` speaks to. */
export const dialectOf = <DB>(db: Kysely<DB>): DialectName =>
  db.getExecutor().adapter instanceof PostgresAdapter ? 'postgres' : 'sqlite'

/** How often a transaction that lost against another is run again before its error is passed on. */
const MAX_ATTEMPTS = 10
const SERIALIZATION_FAILURES = new Set(['40001', '40P01'])

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

const errcodeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined

/**
 * Runs `work` in a transaction: the one `db` already is, or a new one. On SQLite a new one holds the
 * write lock from its start; on PostgreSQL a new one that loses to another (serialization failure,
 * deadlock) is run again, so `work` must do nothing but speak to `trx`.
 */
export async function inTransaction<DB, T>(
  db: Kysely<DB> | Transaction<DB>,
  work: (trx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  if (db.isTransaction) return work(db as Transaction<DB>)
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isSerializationFailure(error)) throw error
      // By chance, or those that lost to one another would meet again.
      await delay(Math.random() * 2 ** attempt * 5)
    }
  }
}

/** Whether another transaction was faster: to be run again. */
export const isSerializationFailure = (error: unknown): boolean =>
  SERIALIZATION_FAILURES.has(String(codeOf(error)))

/** Whether the database refused a statement, or did not answer: on PostgreSQL nothing more is done in its transaction. */
export const isSqlError = (error: unknown): boolean =>
  errcodeOf(error) !== undefined || /^[0-9A-Z]{5}$/.test(String(codeOf(error))) || isDatabaseAway(error)

/** SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY. */
const SQLITE_UNIQUE: readonly unknown[] = [2067, 1555]

/** Whether `error` says that a unique index, one that names `column` if given, already holds such a row. */
export function isUniqueViolation(error: unknown, column = ''): boolean {
  if (codeOf(error) !== '23505' && !SQLITE_UNIQUE.includes(errcodeOf(error))) return false
  const constraint = error instanceof Error && 'constraint' in error ? String(error.constraint) : ''
  return `${constraint} ${error instanceof Error ? error.message : ''}`.includes(column)
}

/**
 * Locks the rows that `query` reads until the transaction ends. On SQLite a transaction holds the lock
 * on everything already.
 */
export const lockRows = <Q extends { forUpdate(): Q }>(dialect: DialectName, query: Q): Q =>
  dialect === 'postgres' ? query.forUpdate() : query

/**
 * Whoever else asks for the same name waits until this transaction ends: what is counted afterwards stays
 * true while it is acted upon. On SQLite a transaction has everything to itself already.
 */
export async function lockName<DB>(trx: Transaction<DB>, name: string): Promise<void> {
  if (dialectOf(trx) === 'postgres')
    await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx)
}

/** Whether a text column is one of many values: one parameter for all, so that the statement is the same for any number of them. */
export const isOneOf = (
  dialect: DialectName,
  column: string,
  values: readonly string[],
): RawBuilder<SqlBool> => isListed(dialect, column, listOf(dialect, values))

/** Many values as one parameter. */
export const listOf = (dialect: DialectName, values: readonly string[]): unknown =>
  dialect === 'sqlite' ? JSON.stringify(values) : values

/** As `isOneOf`, of what `listOf` made or what stands for it. */
export const isListed = (dialect: DialectName, column: string, list: unknown): RawBuilder<SqlBool> =>
  dialect === 'sqlite'
    ? sql`${sql.ref(column)} in (select value from json_each(${list}))`
    : sql`${sql.ref(column)} = any(${list})`

/** SQLITE_BUSY and its kin: another process holds the lock. */
export const isBusy = (error: unknown): boolean => {
  const code = errcodeOf(error)
  return typeof code === 'number' && (code & 0xff) === 5
}

const AWAY_CODE = 'database.away'
/** When to ask again. */
const AWAY_SECONDS = 1

/** The database cannot be used at the moment: nothing is wrong with what it was asked. */
export const databaseAway = (cause: unknown): Fault =>
  new Fault('unavailable', 'The database does not answer.', {
    cause,
    code: AWAY_CODE,
    headers: { 'retry-after': String(AWAY_SECONDS) },
  })

/** Whether `error` is a `databaseAway`, ours or that of a service that we asked. */
export const isDatabaseAway = (error: unknown): boolean =>
  isFault(error, 'unavailable') && error.code === AWAY_CODE

/** PostgreSQL that starts, stops, lacks memory, disk or connections, or cut a query short; a connection that broke, or was never made. */
const AWAY =
  /^(08\w{3}|57P0[1-5]|57014|25P0[34]|53\w{3}|58\w{3}|ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)$/
/** What `pg` says without a code. */
const AWAY_WORDS = /connection terminated|timeout exceeded when trying to connect|not queryable/i

/** The error as callers should see it: `databaseAway` where it means that. */
export function named(error: unknown): unknown {
  const isAway =
    AWAY.test(String(codeOf(error))) ||
    isBusy(error) ||
    (codeOf(error) === undefined && error instanceof Error && AWAY_WORDS.test(error.message))
  return isAway ? databaseAway(error) : error
}

/**
 * Whether the text matches a regular expression, anchored nowhere; `^` and `$` also hold at line ends.
 * PostgreSQL has its own dialect of them; SQLite runs V8's linear-time engine, which refuses
 * back-references and look-around.
 */
export const matches = (
  dialect: DialectName,
  text: Expression<unknown>,
  pattern: string,
): Expression<SqlBool> =>
  dialect === 'postgres'
    ? sql<SqlBool>`${text} ~ ${`(?n)${pattern}`}`
    : sql<SqlBool>`${text} regexp ${pattern}`

/** Throws badRequest for text that PostgreSQL has no way to store: only a stranger's input holds a NUL. */
export function refuseUnstorable(value: unknown): void {
  if (Array.isArray(value)) for (const each of value) refuseUnstorable(each)
  if (typeof value === 'string' && value.includes('\0'))
    throw badRequest('Invalid input: text holds a NUL character.')
}
