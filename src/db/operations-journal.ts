/** The saga runner's journal in the table `operations`: leases, and how far each operation has come. */
import { type Kysely, sql, type Transaction } from 'kysely'
import {
  createSharedTransactions,
  type Database,
  dialectOf,
  isDatabaseAway,
  isOneOf,
  joined,
  askRows,
  onlyChecked,
} from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import { type Entry, type Journal, type Leased, LeaseLost, type SagaTypes } from '#lib/saga/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { progressOf, wakingOf } from './operations.ts'
import type { NovaDb } from './schema.ts'

type Trx = Transaction<NovaDb>

/** Written out: SQLite looks into an index of the living only where the statement says that it may. */
const LIVE = sql.lit('live')

type OperationTypes = SagaTypes & { readonly Context: RequestContext; readonly Trx: Trx }

/** The saga runner's journal in the table `operations`. */
export function operationsJournal<T extends OperationTypes>(database: Database, clock: Clock): Journal<T> {
  const db = database.typed<NovaDb>()
  const inCompany = createSharedTransactions<NovaDb>(database, clock)
  return {
    claim: (request) => claim(db, request),
    renew: (owner, ids, leaseUntil) => renew(db, owner, ids, leaseUntil),
    release: (owner, id) => release(db, owner, id, clock.now()),
    transaction: <R>(work: (trx: T['Trx']) => Promise<R>, subject?: string) =>
      subject === undefined ? database.transaction<NovaDb, R>(work) : inCompany(subject, work),
    save: (trx, owner, id, entry) => save(trx, owner, id, entry, clock.now()),
    isAway: isDatabaseAway,
  }
}

async function claim(
  db: Kysely<NovaDb>,
  request: Parameters<Journal<OperationTypes>['claim']>[0],
): Promise<Leased<RequestContext>[]> {
  const { owner, sagas, now, leaseUntil, limit } = request
  const free = db
    .selectFrom('operations')
    .select('id')
    .where('status', '=', LIVE)
    .where('wake_at', '<=', now)
    .where('lease_until', '<=', now)
    .where('saga', 'in', [...sagas])
    .orderBy('wake_at')
    .limit(limit)
  const rows = await db
    .updateTable('operations')
    .set({ lease_owner: owner, lease_until: leaseUntil })
    .where('id', 'in', dialectOf(db) === 'postgres' ? free.forUpdate().skipLocked() : free)
    .returningAll()
    .execute()
  return rows
    .sort((a, b) => a.wake_at - b.wake_at)
    .map((row) => ({
      id: row.id,
      saga: row.saga,
      subject: row.instance_uuid,
      requestId: row.request_id,
      context: JSON.parse(row.context) as RequestContext,
      params: JSON.parse(row.params) as unknown,
      progress: progressOf(row),
      cancelled: row.cancelled === 1,
      wakes: row.wakes,
    }))
}

async function renew(
  db: Kysely<NovaDb>,
  owner: string,
  ids: readonly string[],
  leaseUntil: number,
): Promise<ReadonlySet<string>> {
  const dialect = dialectOf(db)
  const held = db
    .selectFrom('operations')
    .select('id')
    .where(isOneOf(dialect, 'id', ids))
    .where('lease_owner', '=', owner)
  // What is just being written stays ours, and is prolonged the next time: waiting for one, we would hold up the others.
  await db
    .updateTable('operations')
    .set({ lease_until: leaseUntil })
    .where('id', 'in', dialect === 'postgres' ? held.forUpdate().skipLocked() : held)
    .execute()
  return new Set((await held.execute()).map(({ id }) => id))
}

async function release(db: Kysely<NovaDb>, owner: string, id: string, now: number): Promise<void> {
  await db
    .updateTable('operations')
    .set({ lease_owner: null, lease_until: 0, wake_at: now })
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .execute()
}

/** A parameter whose type PostgreSQL could not tell. Written out, it would make each statement one of its own. */
const bigint = (value: number) => sql`cast(${value} as bigint)`

/** The parameters that are kept, as they are written; null: as they are. */
const keptOf = (entry: Entry): string | null =>
  entry.status === 'ended' && entry.params !== undefined ? JSON.stringify(entry.params) : null

/** The columns an entry sets beside the progress. */
function columnsOf(entry: Entry, now: number) {
  const free = { lease_owner: null, lease_until: 0 }
  if (entry.status === 'live') return {}
  if (entry.status === 'ended') {
    const params = keptOf(entry)
    return { ...free, status: entry.ending, finished_at: now, ...(params !== null && { params }) }
  }
  // Somebody who woke the operation while it was about to park is not to wait for the poll.
  const wake_at = sql<number>`case when wakes = ${entry.wakesSeen} then ${bigint(entry.wakeAt)} else ${bigint(now)} end`
  return { ...free, wake_at }
}

interface Saving {
  readonly owner: string
  readonly id: string
  readonly entry: Entry
  readonly now: number
}

interface Saved {
  readonly cancelled: number
  readonly wakes: number
  readonly instance_uuid: string
}

/** Writes an entry; nothing when the owner does not hold the operation any more. */
const saving = joined<NovaDb, Saving, Saved | undefined>({
  rank: 80,
  writes: true,
  keyOf: ({ id }) => id,
  one: (trx, { owner, id, entry, now }) =>
    trx
      .updateTable('operations')
      .set({ progress: JSON.stringify(entry.progress), updated_at: now, ...columnsOf(entry, now) })
      .where('id', '=', id)
      .where('lease_owner', '=', owner)
      .where('status', '=', LIVE)
      .returning(['cancelled', 'wakes', 'instance_uuid'])
      .executeTakeFirst(),
  async many(trx, savings) {
    const column = <T>(of: (saving: Saving) => T): T[] => savings.map(of)
    const rows = await askRows<Saved & { id: string }>(trx, SAVE_MANY, [
      column(({ id }) => id),
      column(({ owner }) => owner),
      column(({ now }) => now),
      column(({ entry }) => JSON.stringify(entry.progress)),
      column(({ entry }) => (entry.status === 'ended' ? entry.ending : 'live')),
      column(({ entry }) => entry.status === 'live'),
      column(({ entry }) => (entry.status === 'parked' ? entry.wakesSeen : null)),
      column(({ entry }) => (entry.status === 'parked' ? entry.wakeAt : null)),
      column(({ entry }) => keptOf(entry)),
    ])
    const saved = new Map(rows.map((row) => [row.id, row]))
    return savings.map(({ id }) => saved.get(id))
  },
})

const SAVE_MANY = `
  update operations o
  set progress = v.progress, updated_at = v.now, status = v.status,
    params = coalesce(v.params, o.params),
    finished_at = case when v.status = 'live' then o.finished_at else v.now end,
    lease_owner = case when v.holds then o.lease_owner end,
    lease_until = case when v.holds then o.lease_until else 0 end,
    wake_at = case when v.wake_at is null then o.wake_at when o.wakes = v.wakes_seen then v.wake_at else v.now end
  from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::bigint[], $8::bigint[], $9::text[])
    as v (id, owner, now, progress, status, holds, wakes_seen, wake_at, params)
  where o.id = v.id and o.lease_owner = v.owner and ${onlyChecked("o.status = 'live'")}
  returning o.id, o.cancelled, o.wakes, o.instance_uuid`

async function save(
  trx: Trx,
  owner: string,
  id: string,
  entry: Entry,
  now: number,
): Promise<{ cancelled: boolean; wakes: number }> {
  const row = await saving(trx, { owner, id, entry, now })
  if (!row) throw new LeaseLost(`operation ${id} is not ours any more`)
  if (entry.status === 'ended') await wakeSiblings(trx, { id, instanceUuid: row.instance_uuid, now })
  return { cancelled: row.cancelled === 1, wakes: row.wakes }
}

/** An operation that ends wakes those that wait for it: only ones on the same instance do. */
const wakeSiblings = joined<
  NovaDb,
  { readonly id: string; readonly instanceUuid: string; readonly now: number },
  void
>({
  rank: 90,
  writes: true,
  async one(trx, { id, instanceUuid, now }) {
    await wakingOf(trx, now).where('instance_uuid', '=', instanceUuid).where('id', '!=', id).execute()
  },
  async many(trx, ended) {
    await askRows(trx, WAKE_SIBLINGS, [
      ended.map(({ instanceUuid }) => instanceUuid),
      Math.max(...ended.map(({ now }) => now)),
    ])
    return ended.map(() => undefined)
  },
})

/** Those that end are not alive any more, and so not woken. */
const WAKE_SIBLINGS = `
  update operations set wakes = wakes + 1, wake_at = $2, updated_at = $2
  where status = 'live' and instance_uuid = any($1::text[])`
