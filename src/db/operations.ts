/**
 * Long operations: one is inserted in the transaction of the request that asks for it; the conductor's
 * runner leases it, and keeps the saga's journal in it.
 */
import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { OperationParams, SagaName } from '#contracts/operations.ts'
import { askRows, dialectOf, gathered, inTransaction, joined, lockRows } from '#db/kit/index.ts'
import { type Progress, undoneAtLast } from '#lib/saga/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface NewOperation<S extends SagaName> {
  readonly id: string
  readonly saga: S
  readonly instanceUuid: string
  readonly context: RequestContext
  readonly params: OperationParams<S>
}

export type OperationStatus = 'live' | 'done' | 'failed' | 'cancelled'

export interface Operation {
  readonly id: string
  readonly saga: string
  readonly instanceUuid: string
  readonly requestId: string
  readonly context: RequestContext
  readonly status: OperationStatus
  readonly cancelled: boolean
  readonly progress: Progress | null
  readonly wakeAt: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** Inserts an operation that is due at once. Nudge the conductor (`operationReady`) after the transaction. */
export async function insertOperation<S extends SagaName>(
  trx: Db,
  operation: NewOperation<S>,
  options: { now: number },
): Promise<void> {
  await insertOperations(trx, [operation], options)
}

/** As `insertOperation`, for the many of one request. */
export async function insertOperations<S extends SagaName>(
  trx: Db,
  operations: readonly NewOperation<S>[],
  { now }: { now: number },
): Promise<void> {
  for (let start = 0; start < operations.length; start += INSERT_CHUNK) {
    await trx
      .insertInto('operations')
      .values(operations.slice(start, start + INSERT_CHUNK).map((operation) => operationRow(operation, now)))
      .execute()
  }
}

const INSERT_CHUNK = 500

/** The row of an operation that is due at once. */
export const operationRow = (
  { id, saga, instanceUuid, context, params }: NewOperation<SagaName>,
  now: number,
): NovaDb['operations'] => ({
  id,
  saga,
  instance_uuid: instanceUuid,
  request_id: context.requestId,
  context: JSON.stringify(context),
  params: JSON.stringify(params),
  progress: null,
  status: 'live',
  cancelled: 0,
  wakes: 0,
  wake_at: now,
  lease_owner: null,
  lease_until: 0,
  created_at: now,
  updated_at: now,
  finished_at: null,
})

const operationOf = (row: NovaDb['operations']): Operation => ({
  id: row.id,
  saga: row.saga,
  instanceUuid: row.instance_uuid,
  requestId: row.request_id,
  context: JSON.parse(row.context) as RequestContext,
  status: row.status as OperationStatus,
  cancelled: row.cancelled === 1,
  progress: progressOf(row),
  wakeAt: row.wake_at,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const progressOf = (row: Pick<NovaDb['operations'], 'progress'>): Progress | null =>
  row.progress === null ? null : (JSON.parse(row.progress) as Progress)

export async function findOperation(db: Db, id: string): Promise<Operation | undefined> {
  const row = await db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst()
  return row && operationOf(row)
}

/** The operations on an instance that have not ended, oldest first. */
export const listLiveOperations = joined<NovaDb, string, Operation[]>({
  rank: 32,
  async one(db, instanceUuid) {
    const query = db.selectFrom('operations').selectAll().where('instance_uuid', '=', instanceUuid)
    const rows = await query.where('status', '=', 'live').orderBy('created_at').orderBy('id').execute()
    return rows.map(operationOf)
  },
  async many(db, uuids) {
    const text = `select * from operations where instance_uuid = any($1::text[]) and status = 'live' order by created_at, id`
    const rows = (await askRows<NovaDb['operations']>(db, text, [uuids])).map(operationOf)
    return uuids.map((uuid) => rows.filter(({ instanceUuid }) => instanceUuid === uuid))
  },
})

/** What the instance's build was asked to make, as long as operations are kept. */
export async function findBuildParams(
  db: Db,
  instanceUuid: string,
): Promise<OperationParams<'build-server'> | undefined> {
  const params = await findingBuild(db, instanceUuid)
  return params === undefined ? undefined : (JSON.parse(params) as OperationParams<'build-server'>)
}

const findingBuild = gathered<NovaDb, string, string | undefined>({
  rank: 20,
  async one(db, instanceUuid) {
    const query = db.selectFrom('operations').select('params').where('instance_uuid', '=', instanceUuid)
    const builds = query
      .where('saga', 'in', ['build-server', 'build-server-with-volumes'])
      .orderBy('created_at', 'desc')
      .limit(1)
    return (await builds.executeTakeFirst())?.params
  },
  async many(db, uuids) {
    const text = `
      select instance_uuid, params from operations
      where instance_uuid = any($1::text[]) and saga in ('build-server', 'build-server-with-volumes')
      order by created_at`
    const rows = await askRows<{ instance_uuid: string; params: string }>(db, text, [uuids])
    // The last one of each stays.
    const found = new Map(rows.map((row) => [row.instance_uuid, row.params]))
    return uuids.map((uuid) => found.get(uuid))
  },
})

/** Bumps the wake-up count and makes due at once: a set for an update of live operations. */
const woken = (now: number) => ({ wakes: sql<number>`wakes + 1`, wake_at: now, updated_at: now })

/** Makes an operation due at once; the runner that is just parking it sees that. */
export async function wakeOperation(db: Db, id: string, { now }: { now: number }): Promise<void> {
  await wakingOf(db, now).where('id', '=', id).execute()
}

/** Wakes live operations; which ones is for the caller to say. */
export const wakingOf = (db: Pick<Db, 'updateTable'>, now: number) =>
  db.updateTable('operations').set(woken(now)).where('status', '=', 'live')

interface Cancelling {
  readonly instanceUuid: string
  readonly now: number
  readonly except: readonly SagaName[]
  readonly but: string | undefined
}

/**
 * Asks the live operations on an instance to stop at their next boundary and undo what they did: all but
 * the sagas of `except` and the operation `but`. Answers their ids.
 */
export const cancelOperationsOf = (
  db: Db,
  instanceUuid: string,
  { now, except = [], but }: { now: number; except?: readonly SagaName[]; but?: string },
): Promise<string[]> => cancelling(db, { instanceUuid, now, except, but })

const cancelling = joined<NovaDb, Cancelling, string[]>({
  rank: 31,
  writes: true,
  async one(db, { instanceUuid, now, except, but }) {
    let query = db
      .updateTable('operations')
      .set({ ...woken(now), cancelled: 1 })
      .where('instance_uuid', '=', instanceUuid)
      .where('status', '=', 'live')
      .where('cancelled', '=', 0)
    if (except.length > 0) query = query.where('saga', 'not in', except)
    if (but !== undefined) query = query.where('id', '!=', but)
    const rows = await query.returning('id').execute()
    return rows.map(({ id }) => id)
  },
  async many(db, all) {
    const rows = await askRows<{ id: string; instance_uuid: string }>(db, CANCEL_MANY, [
      all.map(({ instanceUuid }) => instanceUuid),
      all.map(({ now }) => now),
      all.map(({ except }) => except.join(' ')),
      all.map(({ but }) => but ?? ''),
    ])
    return all.map(({ instanceUuid: uuid }) =>
      rows.flatMap(({ id, instance_uuid }) => (instance_uuid === uuid ? [id] : [])),
    )
  },
})

const CANCEL_MANY = `
  update operations o set wakes = o.wakes + 1, wake_at = v.now, updated_at = v.now, cancelled = 1
  from unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) as v (uuid, now, spared, but)
  where o.instance_uuid = v.uuid and o.status = 'live' and o.cancelled = 0
    and o.saga <> all(string_to_array(v.spared, ' ')) and o.id <> v.but
  returning o.id, o.instance_uuid`

/** Removes ended operations, and their commands, that ended before `before`; answers how many operations. */
export async function purgeOperations(
  db: Db,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const old = await db
    .selectFrom('operations')
    .select('id')
    .where('finished_at', '<', before)
    .limit(limit)
    .execute()
  const ids = old.map(({ id }) => id)
  if (ids.length === 0) return 0
  await db.deleteFrom('commands').where('operation_id', 'in', ids).execute()
  await db.deleteFrom('operations').where('id', 'in', ids).execute()
  return ids.length
}

/**
 * Operations that failed or were cancelled in a span of time (`after` < t <= `until`) and left something
 * behind, the longest ended first. What another operation took over since is not theirs any more.
 */
export async function listLeftBehind(
  db: Db,
  { after, until, limit }: { readonly after: number; readonly until: number; readonly limit: number },
): Promise<{ id: string; instanceUuid: string; endedAt: number; steps: readonly string[] }[]> {
  const rows = await db
    .selectFrom('operations')
    .select(['id', 'instance_uuid', 'finished_at', 'progress'])
    .where('finished_at', '>', after)
    .where('finished_at', '<=', until)
    .where('status', 'in', ['failed', 'cancelled'])
    .where('progress', 'like', '%"leftBehind":["%')
    .where(isLatest)
    .orderBy('finished_at')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    instanceUuid: row.instance_uuid,
    endedAt: row.finished_at ?? 0,
    steps: row.progress === null ? [] : (JSON.parse(row.progress) as Progress).leftBehind,
  }))
}

/** No operation works on the instance, and none was asked for since this one ended. */
const isLatest = (eb: ExpressionBuilder<NovaDb, 'operations'>) =>
  eb.not(
    eb.exists(
      eb
        .selectFrom('operations as later')
        .select('later.id')
        .whereRef('later.instance_uuid', '=', 'operations.instance_uuid')
        .whereRef('later.id', '!=', 'operations.id')
        .where((later) =>
          later.or([
            later('later.status', '=', 'live'),
            later('later.created_at', '>=', later.ref('operations.finished_at')),
          ]),
        ),
    ),
  )

/** Undoes what an ended operation left behind: it lives again, and only undoes. False when it may not any more. */
export async function resumeUndoing(db: Db, id: string, { now }: { now: number }): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const ended = trx
      .selectFrom('operations')
      .select('progress')
      .where('id', '=', id)
      .where('status', 'in', ['failed', 'cancelled'])
      .where(isLatest)
    const row = await lockRows(dialectOf(trx), ended).executeTakeFirst()
    if (!row || row.progress === null) return false
    const progress = undoneAtLast(JSON.parse(row.progress) as Progress, now)
    await trx
      .updateTable('operations')
      .set({ status: 'live', progress: JSON.stringify(progress), wake_at: now, updated_at: now })
      .set({ finished_at: null, lease_owner: null, lease_until: 0 })
      .where('id', '=', id)
      .execute()
    return true
  })
}

/** Written out: SQLite looks into an index of the living only where the statement says that it may. */
const LIVE = sql.lit('live')

/** Frees every lease, whoever holds it: for a conductor that knows to be the only one, as it starts. Answers how many. */
export async function breakLeases(db: Db): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('operations')
    .set({ lease_owner: null, lease_until: 0, wake_at: 0 })
    .where('status', '=', LIVE)
    .where('lease_owner', 'is not', null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}
