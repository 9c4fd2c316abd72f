/**
 * New rows of several tables, all of them or none. PostgreSQL takes them in one statement, whose text is the same for any
 * number of rows: they go as one JSON for each table, and no transaction is needed around it.
 */
import { CompiledQuery, type Insertable, type Kysely, type Transaction } from 'kysely'
import { dialectOf, inTransaction, refuseUnstorable } from './dialect.ts'

/** By table, in the order in which a database that takes one after the other gets them. Rows of one table have the same columns. */
type NewRows<DB> = { readonly [T in keyof DB & string]?: readonly Insertable<DB[T]>[] }

type Row = Readonly<Record<string, unknown>>

/** SQLite binds at most 32,766 values to a statement. */
const MOST_VALUES = 30_000

/** Inserts all rows, or throws as the database does and has inserted none. */
export async function insertTogether<DB>(db: Kysely<DB> | Transaction<DB>, news: NewRows<DB>): Promise<void> {
  const tables = Object.entries(news as Readonly<Record<string, readonly Row[]>>)
  const filled = tables.filter(([, rows]) => rows.length > 0)
  if (filled.length === 0) return
  if (dialectOf(db) === 'postgres') await db.executeQuery(oneStatement(filled))
  else await inTransaction(db, (trx) => oneByOne(trx as unknown as Transaction<Tables>, filled))
}

type Tables = Readonly<Record<string, Row>>

async function oneByOne(
  trx: Transaction<Tables>,
  tables: readonly (readonly [string, readonly Row[]])[],
): Promise<void> {
  for (const [table, rows] of tables) {
    const chunk = Math.floor(MOST_VALUES / Object.keys(rows[0] ?? {}).length)
    for (let start = 0; start < rows.length; start += chunk)
      await trx
        .insertInto(table)
        .values(rows.slice(start, start + chunk))
        .execute()
  }
}

function oneStatement(tables: readonly (readonly [string, readonly Row[]])[]): CompiledQuery {
  const inserts = tables.map(([table, rows], index) => {
    const columns = Object.keys(rows[0] ?? {}).map(quoted)
    const source = `json_populate_recordset(null::${quoted(table)}, $${index + 1}::json)`
    return `insert into ${quoted(table)} (${columns.join(', ')}) select ${columns.join(', ')} from ${source}`
  })
  const last = inserts.pop() ?? ''
  const before = inserts.map((insert, index) => `"part${index}" as (${insert})`)
  const text = before.length === 0 ? last : `with ${before.join(', ')} ${last}`
  return CompiledQuery.raw(
    text,
    tables.map(([, rows]) => JSON.stringify(rows, asStored)),
  )
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What PostgreSQL's JSON would refuse: a NUL is the caller's fault, half a character becomes what any other way makes of it. */
function asStored(_key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  refuseUnstorable(value)
  return value.toWellFormed()
}
