/** Instances as the conductor looks over them: where their guests should be, and whether an operation works on them. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { TaskState, VmState } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface GuestState {
  readonly uuid: string
  readonly host: string | null
  readonly vmState: VmState
  readonly taskState: TaskState | null
  readonly powerState: number
  readonly deleted: boolean
}

const COLUMNS = ['uuid', 'host', 'vm_state', 'task_state', 'power_state', 'deleted'] as const
type Row = Pick<NovaDb['instances'], (typeof COLUMNS)[number]>

const stateOf = (row: Row): GuestState => ({
  uuid: row.uuid,
  host: row.host,
  vmState: row.vm_state as VmState,
  taskState: row.task_state as TaskState | null,
  powerState: row.power_state,
  deleted: row.deleted === 1,
})

/** SQLite binds at most 32,766 values to a statement. */
const CHUNK = 10_000

const chunksOf = (uuids: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(uuids.length / CHUNK) }, (_, n) => uuids.slice(n * CHUNK, (n + 1) * CHUNK))

/** The instances that are on a host, and the named ones wherever they are, deleted or not. */
export async function listGuestStates(
  db: Db,
  { host, uuids }: { readonly host: string; readonly uuids: readonly string[] },
): Promise<GuestState[]> {
  const here = await db
    .selectFrom('instances')
    .select(COLUMNS)
    .where('host', '=', host)
    .where('deleted', '=', 0)
    .execute()
  const known = new Map(here.map((row) => [row.uuid, stateOf(row)]))
  const others = uuids.filter((uuid) => !known.has(uuid))
  return [...known.values(), ...(await listInstanceStates(db, others))]
}

/** The named instances, deleted or not. */
export async function listInstanceStates(db: Db, uuids: readonly string[]): Promise<GuestState[]> {
  const found: Row[] = []
  for (const chunk of chunksOf(uuids)) {
    found.push(...(await db.selectFrom('instances').select(COLUMNS).where('uuid', 'in', chunk).execute()))
  }
  return found.map(stateOf)
}

/** Which of the named instances an operation works on. */
export async function withLiveOperation(db: Db, uuids: readonly string[]): Promise<ReadonlySet<string>> {
  const busy = new Set<string>()
  for (const chunk of chunksOf(uuids)) {
    const query = db.selectFrom('operations').select('instance_uuid').where('status', '=', 'live')
    for (const row of await query.where('instance_uuid', 'in', chunk).execute()) busy.add(row.instance_uuid)
  }
  return busy
}

/**
 * Instances in the middle of something (a task state, or building) that no operation works on, and that
 * nobody touched since `before`.
 */
export async function listAbandonedInstances(
  db: Db,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<GuestState[]> {
  const rows = await db
    .selectFrom('instances')
    .select(COLUMNS)
    .where('deleted', '=', 0)
    .where((eb) => eb.or([eb('task_state', 'is not', null), eb('vm_state', '=', 'building')]))
    .where('changed_at', '<', before)
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
    .limit(limit)
    .execute()
  return rows.map(stateOf)
}

/** Instances that are deleted for a while and that nobody touched since `before`, the longest untouched first. */
export async function listSoftDeleted(
  db: Db,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('instances')
    .select('uuid')
    .where('deleted', '=', 0)
    .where('vm_state', '=', 'soft-delete')
    .where('task_state', 'is', null)
    .where('changed_at', '<', before)
    .orderBy('changed_at')
    .limit(limit)
    .execute()
  return rows.map(({ uuid }) => uuid)
}

/** Instances that are shelved on their hosts, and since when (NaN where that is not known), in the order in which they were made. */
export async function listShelved(
  db: Db,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<{ id: number; uuid: string; shelvedAt: number }[]> {
  const rows = await db
    .selectFrom('instances')
    .select(['id', 'uuid', 'system_metadata'])
    .where('deleted', '=', 0)
    .where('vm_state', '=', 'shelved')
    .where('task_state', 'is', null)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id, uuid, system_metadata }) => {
    const notes = JSON.parse(system_metadata) as Readonly<Record<string, string>>
    return { id, uuid, shelvedAt: Date.parse(notes['shelved_at'] ?? '') }
  })
}

/** Instances that were deleted in a span of time (`after` < t <= `until`), the longest deleted first. */
export async function listDeletedBetween(
  db: Db,
  { after, until, limit }: { readonly after: number; readonly until: number; readonly limit: number },
): Promise<{ uuid: string; deletedAt: number }[]> {
  const rows = await db
    .selectFrom('instances')
    .select(['uuid', 'changed_at'])
    .where('deleted', '=', 1)
    // The deletion was the last change, and changes are indexed.
    .where('changed_at', '>', after)
    .where('changed_at', '<=', until)
    .orderBy('changed_at')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ uuid: row.uuid, deletedAt: row.changed_at }))
}

/** Operations that are due, or whose lease ran out, since `before`: somebody should have taken them. */
export async function countStuckOperations(db: Db, { before }: { readonly before: number }): Promise<number> {
  const { count } = await db
    .selectFrom('operations')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('status', '=', sql.lit('live'))
    .where('wake_at', '<', before)
    .where('lease_until', '<', before)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** How many ended operations and console tokens are older than `before`. */
export async function countOldRecords(
  db: Db,
  { before }: { readonly before: number },
): Promise<{ operations: number; tokens: number }> {
  const operations = await db
    .selectFrom('operations')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('finished_at', '<', before)
    .executeTakeFirstOrThrow()
  const tokens = await db
    .selectFrom('console_auth_tokens')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('expires_at', '<', before)
    .executeTakeFirstOrThrow()
  return { operations: Number(operations.count), tokens: Number(tokens.count) }
}

/** Instances that are there, in the order in which they were made. */
export async function listUndeleted(
  db: Db,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<{ id: number; uuid: string }[]> {
  return db
    .selectFrom('instances')
    .select(['id', 'uuid'])
    .where('deleted', '=', 0)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}
