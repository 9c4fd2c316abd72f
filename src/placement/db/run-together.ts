/** Several statements at once, where the database can. */
import { type Kysely, type OperationNodeSource, sql } from 'kysely'
import { dialectOf } from '#db/kit/index.ts'

/** So many fit into the values that PostgreSQL lets one statement have, when each is a chunk of rows. */
const MOST_AT_ONCE = 4

/**
 * Runs statements that change rows, none of which needs what another did: on PostgreSQL as parts of one,
 * since each costs a way there and back; on SQLite one after another.
 */
export async function runTogether<DB>(
  db: Kysely<DB>,
  statements: readonly OperationNodeSource[],
): Promise<void> {
  const last = statements.at(-1)
  if (!last) return
  if (dialectOf(db) === 'sqlite' || statements.length > MOST_AT_ONCE) {
    for (const statement of statements) await sql`${statement}`.execute(db)
    return
  }
  const parts = statements.slice(0, -1).map((each, at) => sql`${sql.ref(`part${at}`)} as (${each})`)
  await sql`${parts.length > 0 ? sql`with ${sql.join(parts)} ` : sql``}${last}`.execute(db)
}
