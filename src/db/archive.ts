/**
 * Archiving and purging: rows of servers that were deleted long ago move out of the tables that everybody reads, and
 * later go for good (docs/decisions: one table of archived rows). In small transactions, so that nobody waits.
 */
import type { Kysely, Transaction } from 'kysely'
import { inTransaction } from '#db/kit/index.ts'
import type { NovaDb } from './schema.ts'

/** What hangs on an instance, by its uuid. Events of actions go with their actions. */
const BELONGINGS = [
  'block_device_mapping',
  'commands',
  'console_auth_tokens',
  'instance_actions',
  'instance_faults',
  'instance_group_member',
  'instance_metadata',
  'instance_tags',
  'migrations',
  'operations',
] as const

export type ArchivedCounts = Readonly<Record<string, number>>

/** Rows by table. */
interface Found {
  readonly rows: { readonly table: string; readonly uuid: string; readonly content: object }[]
}

type Trx = Transaction<NovaDb>

/** Instances moved in one transaction. */
const BATCH = 50

/**
 * Moves deleted instances, the oldest first, with all that belongs to them, until about `maxRows` rows
 * were moved: an instance moves whole or not at all, and at least one does. Instances that an operation still works
 * on stay. Yields how many rows of each table moved; nothing when nothing is left to move.
 */
export async function archiveDeleted(
  db: Kysely<NovaDb>,
  {
    before,
    maxRows,
    now,
  }: { readonly before?: number | undefined; readonly maxRows: number; readonly now: number },
): Promise<ArchivedCounts> {
  const counts: Record<string, number> = {}
  let moved = 0
  while (moved < maxRows) {
    const batch = await inTransaction(db, (trx) =>
      archiveBatch(trx, { before, maxRows: maxRows - moved, now }),
    )
    if (Object.keys(batch).length === 0) break
    for (const [table, count] of Object.entries(batch)) {
      counts[table] = (counts[table] ?? 0) + count
      moved += count
    }
  }
  return counts
}

async function archiveBatch(
  trx: Trx,
  { before, maxRows, now }: { before?: number | undefined; maxRows: number; now: number },
): Promise<Record<string, number>> {
  let query = trx.selectFrom('instances').selectAll().where('deleted', '=', 1)
  if (before !== undefined) query = query.where('deleted_at', '<', before)
  const deleted = await query
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('operations')
            .select('operations.id')
            .whereRef('operations.instance_uuid', '=', 'instances.uuid')
            .where('operations.status', '=', 'live'),
        ),
      ),
    )
    // As the index has them: a batch costs no more when a million are deleted.
    .orderBy('created_at')
    .orderBy('id')
    .limit(BATCH)
    .execute()
  if (deleted.length === 0) return {}
  const found = await belongingsOf(
    trx,
    deleted.map(({ uuid }) => uuid),
  )
  const sizes = Map.groupBy(found.rows, ({ uuid }) => uuid)
  let rows = 0
  const fitting = deleted.filter(({ uuid }, n) => {
    rows += 1 + (sizes.get(uuid)?.length ?? 0)
    return n === 0 || rows <= maxRows
  })
  const chosen = new Set(fitting.map(({ uuid }) => uuid))
  const going = found.rows.filter(({ uuid }) => chosen.has(uuid))
  const all = [...going, ...fitting.map((row) => ({ table: 'instances', uuid: row.uuid, content: row }))]
  const deletedAt = new Map(fitting.map((row) => [row.uuid, row.deleted_at ?? now]))
  await keep(trx, all, deletedAt, now)
  await removeInstances(trx, [...chosen])
  const byTable = Map.groupBy(all, ({ table }) => table)
  return Object.fromEntries(Array.from(byTable, ([table, { length }]) => [table, length]))
}

async function belongingsOf(trx: Trx, uuids: readonly string[]): Promise<Found> {
  const rows: Found['rows'] = []
  for (const table of BELONGINGS)
    for (const row of await trx.selectFrom(table).selectAll().where('instance_uuid', 'in', uuids).execute())
      rows.push({ table, uuid: row.instance_uuid, content: row })
  const events = await trx
    .selectFrom('instance_actions_events as event')
    .innerJoin('instance_actions as action', 'action.id', 'event.action_id')
    .selectAll('event')
    .select('action.instance_uuid as uuid')
    .where('action.instance_uuid', 'in', uuids)
    .execute()
  for (const { uuid, ...content } of events) rows.push({ table: 'instance_actions_events', uuid, content })
  return { rows }
}

/** SQLite binds at most 32,766 values to a statement. */
const INSERT_CHUNK = 1_000

async function keep(
  trx: Trx,
  rows: Found['rows'],
  deletedAt: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  const values = rows.map(({ table, uuid, content }) => ({
    table_name: table,
    instance_uuid: uuid,
    content: JSON.stringify(content),
    deleted_at: deletedAt.get(uuid) ?? now,
    archived_at: now,
  }))
  for (let start = 0; start < values.length; start += INSERT_CHUNK)
    await trx
      .insertInto('archived_rows')
      .values(values.slice(start, start + INSERT_CHUNK))
      .execute()
}

async function removeInstances(trx: Trx, uuids: readonly string[]): Promise<void> {
  for (const table of BELONGINGS) await trx.deleteFrom(table).where('instance_uuid', 'in', uuids).execute()
  await trx.deleteFrom('instances').where('uuid', 'in', uuids).execute()
}

const PURGE_BATCH = 1_000

/** Removes archived rows of servers that were deleted before `before` (all of them without), about `maxRows`, by table. */
export async function purgeArchived(
  db: Kysely<NovaDb>,
  {
    before,
    maxRows = Number.POSITIVE_INFINITY,
  }: { readonly before?: number | undefined; readonly maxRows?: number },
): Promise<ArchivedCounts> {
  const counts: Record<string, number> = {}
  for (let gone = 0; gone < maxRows; gone += PURGE_BATCH) {
    let query = db.selectFrom('archived_rows').select('id')
    if (before !== undefined) query = query.where('deleted_at', '<', before)
    const ids = (await query.limit(PURGE_BATCH).execute()).map(({ id }) => id)
    if (ids.length === 0) break
    const rows = await db.deleteFrom('archived_rows').where('id', 'in', ids).returning('table_name').execute()
    for (const { table_name: table } of rows) counts[table] = (counts[table] ?? 0) + 1
  }
  return counts
}

/** How many instances are deleted, and not archived, since before `before`. */
export async function countDeleted(db: Kysely<NovaDb>, before: number): Promise<number> {
  const query = db.selectFrom('instances').where('deleted', '=', 1).where('deleted_at', '<', before)
  const { count } = await query.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number(count)
}

/** How many archived rows are of servers that were deleted before `before`. */
export async function countArchived(db: Kysely<NovaDb>, before: number): Promise<number> {
  const query = db.selectFrom('archived_rows').where('deleted_at', '<', before)
  const { count } = await query.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number(count)
}
