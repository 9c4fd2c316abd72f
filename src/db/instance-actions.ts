/** What was done to instances: actions (one a request) and their events. Kept after an instance is deleted. */
import { type Kysely, sql, type Transaction } from 'kysely'
import {
  dialectOf,
  inTransaction,
  joined,
  keysetAfter,
  keysetOrder,
  askRows,
  type SortColumn,
  onlyChecked,
} from '#db/kit/index.ts'
import { badRequest, notFound } from '#lib/fault.ts'
import type { InstanceAction, InstanceActionEvent } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** Which action: the latest of this request on this instance. */
export interface ActionKey {
  readonly instanceUuid: string
  readonly requestId: string
}

export type NewAction = Pick<
  InstanceAction,
  'instanceUuid' | 'action' | 'requestId' | 'userId' | 'projectId'
> & { readonly message?: string }

/** Records that actions begin, one an instance. */
export async function insertInstanceActions(
  db: Db,
  actions: readonly NewAction[],
  options: { readonly now: number },
): Promise<void> {
  const rows = newActionRows(actions, options)
  for (let start = 0; start < rows.length; start += INSERT_CHUNK) {
    await db
      .insertInto('instance_actions')
      .values(rows.slice(start, start + INSERT_CHUNK))
      .execute()
  }
}

/** The rows of actions that begin. */
export const newActionRows = (actions: readonly NewAction[], { now }: { readonly now: number }) =>
  actions.map((action) => ({
    instance_uuid: action.instanceUuid,
    action: action.action,
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    started_at: now,
    finished_at: null,
    message: action.message ?? null,
    created_at: now,
    updated_at: now,
  }))

/** SQLite binds at most 32,766 values to a statement. */
const INSERT_CHUNK = 1000

/** Records that an action ended; `message` (`Error`) when it failed. Does nothing when there is no such action. */
export async function finishInstanceAction(
  db: Db,
  key: ActionKey,
  options: { readonly now: number; readonly message?: string },
): Promise<void> {
  await finishingAction(db, { ...key, ...options })
}

const finishingAction = joined<NovaDb, ActionKey & { readonly now: number; readonly message?: string }, void>(
  {
    rank: 56,
    writes: true,
    async one(db, { now, message, ...key }) {
      await db
        .updateTable('instance_actions')
        .set({ finished_at: now, updated_at: now, ...(message !== undefined && { message }) })
        .where('id', '=', latestOf(db, key))
        .execute()
    },
    async many(db, finished) {
      const messages = finished.map(({ message }) => message ?? null)
      await askRows(db, FINISH_ACTIONS, [...keysOf(finished), messages])
      return finished.map(() => undefined)
    },
  },
)

/** What `keysOf` gives, as rows; and the latest action of each. */
const LATEST = `cross join lateral (
    select max(id) as id from instance_actions x
    where x.request_id = v.request_id and x.instance_uuid = v.instance_uuid
  ) latest`
const keysOf = (of: readonly (ActionKey & { readonly now: number })[]) => [
  of.map(({ instanceUuid }) => instanceUuid),
  of.map(({ requestId }) => requestId),
  of.map(({ now }) => now),
]

const FINISH_ACTIONS = `
  update instance_actions a
  set finished_at = v.now, updated_at = v.now, message = coalesce(v.message, a.message)
  from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as v (instance_uuid, request_id, now, message)
  ${LATEST}
  where a.id = latest.id`

const latestOf = (db: Pick<Db, 'selectFrom'>, { instanceUuid, requestId }: ActionKey) =>
  db
    .selectFrom('instance_actions')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('request_id', '=', requestId)
    .where('instance_uuid', '=', instanceUuid)

/** Records that a step of an action begins (again, after a crash). Does nothing when there is no such action. */
export async function startActionEvent(
  db: Db,
  key: ActionKey,
  event: { readonly event: string; readonly host: string | null },
  options: { readonly now: number },
): Promise<void> {
  await startingEvent(db, { ...key, ...event, ...options })
}

interface Starting extends ActionKey {
  readonly event: string
  readonly host: string | null
  readonly now: number
}

const startingEvent = joined<NovaDb, Starting, void>({
  rank: 50,
  writes: true,
  one: (db, starting) =>
    dialectOf(db) === 'postgres' ? startEvents(db, [starting]) : startInTwo(db, starting),
  async many(db, starting) {
    await startEvents(db, starting)
    return starting.map(() => undefined)
  },
})

async function startInTwo(db: Db, { event, host, now, ...key }: Starting): Promise<void> {
  await inTransaction(db, async (trx) => {
    const action = await touched(trx, key, { updated_at: now }).executeTakeFirst()
    if (!action) return
    const begun = { action_id: action.id, event, host, started_at: now }
    await trx
      .insertInto('instance_actions_events')
      .values({ ...begun, finished_at: null, result: null, details: null, traceback: null })
      .execute()
  })
}

/** PostgreSQL changes two tables in one statement. */
const START_EVENTS = `
  with action as (
    update instance_actions a set updated_at = v.now
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
      as v (instance_uuid, request_id, now, event, host)
    ${LATEST}
    where a.id = latest.id
    returning a.id, v.event, v.host, v.now
  )
  insert into instance_actions_events (action_id, event, host, started_at)
  select id, event, host, now from action`

async function startEvents(db: Db, starting: readonly Starting[]): Promise<void> {
  const [events, hosts] = [starting.map(({ event }) => event), starting.map(({ host }) => host)]
  await askRows(db, START_EVENTS, [...keysOf(starting), events, hosts])
}

const touched = (db: Pick<Db, 'updateTable' | 'selectFrom'>, key: ActionKey, changes: ActionChanges) =>
  db
    .updateTable('instance_actions')
    .set(changes)
    .where('id', '=', latestOf(db, key))
    .returning('instance_actions.id')

interface ActionChanges {
  readonly updated_at: number
  readonly message?: string
}

/**
 * Records how a step ended. An error also marks the action. Does nothing when no such event is running.
 * `last`: what says in the same transaction that the action is over says when it was touched, too.
 */
export async function finishActionEvent(
  db: Db,
  key: ActionKey,
  event: Pick<InstanceActionEvent, 'event'> & {
    readonly result: 'Success' | 'Error'
    readonly details?: string
    readonly traceback?: string
  },
  options: { readonly now: number; readonly last?: boolean },
): Promise<void> {
  const { now, last = false } = options
  const changes = { updated_at: now, ...(event.result === 'Error' && { message: 'Error' }) }
  const ended = {
    finished_at: now,
    result: event.result,
    details: event.details ?? null,
    traceback: event.traceback ?? null,
  }
  const endedOf = (of: Pick<Db, 'updateTable'>) =>
    of
      .updateTable('instance_actions_events')
      .set(ended)
      .where('event', '=', event.event)
      .where('finished_at', 'is', null)
  if (last && event.result === 'Success') {
    await endingLast(db, { ...key, event: event.event, now })
  } else if (dialectOf(db) === 'postgres') {
    const both = db.with('action', (eb) => touched(eb, key, changes))
    await endedOf(both).where('action_id', '=', sql<number>`(select id from action)`).execute()
  } else {
    await inTransaction(db, async (trx) => {
      const action = await touched(trx, key, changes).executeTakeFirst()
      if (action) await endedOf(trx).where('action_id', '=', action.id).execute()
    })
  }
}

/** The last event of an action, which went well. */
const endingLast = joined<NovaDb, ActionKey & { readonly event: string; readonly now: number }, void>({
  rank: 55,
  writes: true,
  async one(db, { event, now, ...key }) {
    await db
      .updateTable('instance_actions_events')
      .set({ finished_at: now, result: 'Success', details: null, traceback: null })
      .where('event', '=', event)
      .where('finished_at', 'is', null)
      .where('action_id', '=', latestOf(db, key))
      .execute()
  },
  async many(db, ended) {
    await askRows(db, END_LAST, [...keysOf(ended), ended.map(({ event }) => event)])
    return ended.map(() => undefined)
  },
})

/** The actions are looked up first: PostgreSQL expects few unfinished events, and compared all of them with all that end. */
const END_LAST = `
  with ended as materialized (
    select latest.id, v.event, v.now
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as v (instance_uuid, request_id, now, event)
    ${LATEST}
  )
  update instance_actions_events e
  set finished_at = ended.now, result = 'Success', details = null, traceback = null
  from ended
  where e.action_id = ended.id and ${onlyChecked('e.event = ended.event and e.finished_at is null')}`

const NEWEST_FIRST: readonly SortColumn[] = [
  { column: 'created_at', direction: 'desc' },
  { column: 'id', direction: 'desc' },
]

export interface ActionPage {
  /** The request id of the last action of the page before. */
  readonly marker?: string
  readonly limit?: number
  /** Touched at or after; milliseconds since the epoch. */
  readonly changesSince?: number
  readonly changesBefore?: number
}

/** An instance's actions, newest first. A marker that does not exist is a bad request. */
export async function listInstanceActions(
  db: Db,
  instanceUuid: string,
  page: ActionPage = {},
): Promise<InstanceAction[]> {
  let query = db.selectFrom('instance_actions').selectAll().where('instance_uuid', '=', instanceUuid)
  if (page.changesSince !== undefined) query = query.where('updated_at', '>=', page.changesSince)
  if (page.changesBefore !== undefined) query = query.where('updated_at', '<=', page.changesBefore)
  if (page.marker !== undefined) {
    const last = await findInstanceAction(db, { instanceUuid, requestId: page.marker })
    if (!last) throw badRequest(`Marker ${page.marker} could not be found.`)
    query = query.where(keysetAfter(NEWEST_FIRST, [last.createdAt, last.id]))
  }
  for (const order of keysetOrder(NEWEST_FIRST)) query = query.orderBy(order)
  if (page.limit !== undefined) query = query.limit(page.limit)
  return (await query.execute()).map(actionOf)
}

export async function findInstanceAction(db: Db, key: ActionKey): Promise<InstanceAction | undefined> {
  const query = db.selectFrom('instance_actions').selectAll().where('id', '=', latestOf(db, key))
  const row = await query.executeTakeFirst()
  return row && actionOf(row)
}

/** As `findInstanceAction`; throws notFound in Nova's words. */
export async function getInstanceAction(db: Db, key: ActionKey): Promise<InstanceAction> {
  const action = await findInstanceAction(db, key)
  if (!action) throw notFound(`Action ${key.requestId} not found`)
  return action
}

/** An action's events, newest first. */
export async function listActionEvents(db: Db, actionId: number): Promise<InstanceActionEvent[]> {
  const query = db.selectFrom('instance_actions_events').selectAll().where('action_id', '=', actionId)
  return (await query.orderBy('id', 'desc').execute()).map(eventOf)
}

type ActionRow = Awaited<ReturnType<typeof actionRows>>[number]
const actionRows = (db: Db) => db.selectFrom('instance_actions').selectAll().execute()
type EventRow = Awaited<ReturnType<typeof eventRows>>[number]
const eventRows = (db: Db) => db.selectFrom('instance_actions_events').selectAll().execute()

const actionOf = (row: ActionRow): InstanceAction => ({
  id: row.id,
  instanceUuid: row.instance_uuid,
  action: row.action,
  requestId: row.request_id,
  userId: row.user_id,
  projectId: row.project_id,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  message: row.message,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const eventOf = (row: EventRow): InstanceActionEvent => ({
  id: row.id,
  actionId: row.action_id,
  event: row.event,
  host: row.host,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  result: row.result as InstanceActionEvent['result'],
  details: row.details,
  traceback: row.traceback,
})
