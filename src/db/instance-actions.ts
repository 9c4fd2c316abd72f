/** What was done to instances: actions (one a request) and their events. Kept after an instance is deleted. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { dialectOf, inTransaction, keysetAfter, keysetOrder, type SortColumn } from '#db/kit/index.ts'
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
  const { now, message } = options
  await db
    .updateTable('instance_actions')
    .set({ finished_at: now, updated_at: now, ...(message !== undefined && { message }) })
    .where('id', '=', latestOf(db, key))
    .execute()
}

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
  const { now } = options
  if (dialectOf(db) === 'postgres') return startEventAtOnce(db, key, event, now)
  await inTransaction(db, async (trx) => {
    const action = await touched(trx, key, { updated_at: now }).executeTakeFirst()
    if (!action) return
    await trx
      .insertInto('instance_actions_events')
      .values({
        action_id: action.id,
        ...event,
        started_at: now,
        finished_at: null,
        result: null,
        details: null,
        traceback: null,
      })
      .execute()
  })
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

/** PostgreSQL changes two tables in one statement. */
async function startEventAtOnce(
  db: Db,
  key: ActionKey,
  { event, host }: { readonly event: string; readonly host: string | null },
  now: number,
): Promise<void> {
  await db
    .with('action', (eb) => touched(eb, key, { updated_at: now }))
    .insertInto('instance_actions_events')
    .columns(['action_id', 'event', 'host', 'started_at'])
    .expression((eb) =>
      eb
        .selectFrom('action')
        .select([
          'action.id',
          sql<string>`cast(${event} as text)`.as('event'),
          sql<string | null>`cast(${host} as text)`.as('host'),
          sql<number>`cast(${now} as bigint)`.as('started_at'),
        ]),
    )
    .execute()
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
    await endedOf(db).where('action_id', '=', latestOf(db, key)).execute()
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
