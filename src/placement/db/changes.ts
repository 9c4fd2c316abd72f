/**
 * The change sequence: which providers changed, written in the transaction that changes them, so that
 * every process that keeps providers in memory can follow. A reader remembers a horizon: it has seen all
 * that is below it. On PostgreSQL transactions do not end in the order they began, so the horizon is the
 * oldest one that was still running at the last look, and what came after it is looked at again.
 */
import { type Kysely, sql } from 'kysely'
import { type Database, dialectOf } from '#db/kit/index.ts'
import { chunks } from './chunks.ts'
import type { PlacementTables } from './tables.ts'

type Db = Kysely<PlacementTables>

/** What of a provider changed: how much of it is used, or anything. */
export type ChangeKind = 'usage' | 'anything'

export interface Change {
  readonly seq: number
  readonly providerId: number
  readonly kind: ChangeKind
}

/** Says to all processes that these providers changed. */
export async function recordChanges(
  trx: Db,
  providerIds: readonly number[],
  kind: ChangeKind,
  now: number,
): Promise<void> {
  for (const some of chunks(providerIds)) await changesRecorded(trx, some, kind, now).execute()
}

/** The same as a statement, for at most a chunk of them. */
export const changesRecorded = (trx: Db, providerIds: readonly number[], kind: ChangeKind, now: number) =>
  trx
    .insertInto('placement_changes')
    .values(
      providerIds.map((id) => ({ provider_id: id, usage_only: kind === 'usage' ? 1 : 0, created_at: now })),
    )

export interface Look {
  readonly changes: readonly Change[]
  /** Where the next look begins. */
  readonly horizon: number
  /** Those of the changes that the next look will meet again. */
  readonly again: ReadonlySet<number>
  /** What the reader has not seen may have been trimmed already: it must load everything. */
  readonly missed: boolean
}

interface LookRow {
  readonly position: number
  readonly trimmed: number
  readonly newest: number
  readonly seq: number | null
  readonly at: number | null
  readonly providerId: number | null
  readonly usageOnly: number | null
}

/** Everything at or after the horizon. */
export async function readChanges(db: Db, horizon: number): Promise<Look> {
  const rows = await (dialectOf(db) === 'postgres' ? lookInPostgres(db, horizon) : lookInSqlite(db, horizon))
  const [first] = rows
  if (!first) throw new Error('placement_changes_trimmed has no row')
  const seen = rows.flatMap(({ seq, at, providerId, usageOnly }) =>
    seq === null || at === null || providerId === null
      ? []
      : [{ seq, at, providerId, kind: usageOnly === 1 ? ('usage' as const) : ('anything' as const) }],
  )
  return {
    changes: seen,
    horizon: first.position,
    again: new Set(seen.filter(({ at }) => at >= first.position).map(({ seq }) => seq)),
    // What was trimmed in another life of the database (it was restored elsewhere) counts from beyond the newest.
    missed: first.trimmed >= horizon && first.trimmed <= first.newest,
  }
}

/**
 * In one statement, hence of one moment: what is there, and which transactions were running then. The limit tells the
 * planner that there is one row: of a table that was never analyzed it expects thousands.
 */
async function lookInPostgres(db: Db, horizon: number): Promise<readonly LookRow[]> {
  const { rows } = await sql<LookRow>`
    select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as position,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint as newest,
           t.up_to as trimmed, c.seq, c.written_by as at, c.provider_id as "providerId", c.usage_only as "usageOnly"
    from (select up_to from placement_changes_trimmed limit 1) as t
    left join placement_changes as c on c.written_by >= ${horizon}
    order by c.seq`.execute(db)
  return rows
}

/** SQLite has one writer at a time: the order of numbers is the order of ends. */
async function lookInSqlite(db: Db, horizon: number): Promise<readonly LookRow[]> {
  const { rows } = await sql<LookRow>`
    select coalesce((select max(seq) from placement_changes), t.up_to) + 1 as position,
           coalesce((select max(seq) from placement_changes), t.up_to) as newest,
           t.up_to as trimmed, c.seq, c.seq as at, c.provider_id as "providerId", c.usage_only as "usageOnly"
    from placement_changes_trimmed as t
    left join placement_changes as c on c.seq >= ${horizon}
    order by c.seq`.execute(db)
  return rows
}

/** Forgets changes older than `before` (milliseconds since the epoch). Readers that are further behind notice. */
export async function trimChanges(database: Database, before: number): Promise<void> {
  const isPostgres = database.dialect === 'postgres'
  const position = isPostgres ? sql.ref('written_by') : sql.ref('seq')
  // What readers still look at again stays, however old: a transaction may run for hours.
  const settled = isPostgres
    ? sql`written_by < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
    : sql`1 = 1`
  await database.transaction<PlacementTables, void>(async (trx) => {
    const { rows } = await sql<{ upTo: number | null }>`
      select max(${position}) as "upTo" from placement_changes 
      where created_at < ${before} and ${settled}`.execute(trx)
    const upTo = rows[0]?.upTo ?? null
    if (upTo === null) return
    await sql`update placement_changes_trimmed set up_to = ${upTo} where up_to < ${upTo}`.execute(trx)
    await sql`delete from placement_changes where created_at < ${before} and ${position} <= ${upTo}`.execute(
      trx,
    )
  })
}
