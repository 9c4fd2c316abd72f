/** Instances: reading, listing, compare-and-swap, and what quotas count. */
import type { Kysely, Transaction } from 'kysely'
import {
  askRows,
  dialectOf,
  gathered,
  inTransaction,
  isUniqueViolation,
  joined,
  lockRows,
  onlyChecked,
} from '#db/kit/index.ts'
import { conflict, notFound } from '#lib/fault.ts'
import {
  type Instance,
  POWER_STATES,
  TASK_STATES,
  type TaskState,
  type VmState,
} from '#model/instance/index.ts'
import {
  type InstanceChanges,
  instanceOf,
  type NewInstance,
  rowOf,
  rowsReader,
  valuesOf,
} from './instance-row.ts'
import type { InstanceRow, NovaDb } from './schema.ts'

export type { InstanceChanges, NewInstance } from './instance-row.ts'
export {
  INSTANCE_PATTERNS,
  INSTANCE_SORT_KEYS,
  type InstanceFilters,
  type InstancePage,
  type InstanceSortKey,
  listInstances,
} from './instance-list.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface GetOptions {
  /** Also one that was deleted. */
  readonly deleted?: 'include'
}

/** What must be true of an instance for an update to happen; a list means any of these. */
export interface InstanceExpectation {
  readonly taskState?: TaskState | null | readonly (TaskState | null)[]
  readonly vmState?: VmState | readonly VmState[]
  readonly host?: string | null
}

export interface UpdateOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly expect?: InstanceExpectation
}

/** The instance, or undefined when there is none (or it was deleted). */
export async function findInstance(
  db: Db,
  uuid: string,
  options: GetOptions = {},
): Promise<Instance | undefined> {
  if (options.deleted !== 'include') return finding(db, uuid)
  const row = await db.selectFrom('instances').selectAll().where('uuid', '=', uuid).executeTakeFirst()
  return row && instanceOf(row)
}

const finding = gathered<NovaDb, string, Instance | undefined>({
  rank: 60,
  async one(db, uuid) {
    const query = db.selectFrom('instances').selectAll().where('uuid', '=', uuid)
    const row = await query.where('deleted', '=', 0).executeTakeFirst()
    return row && instanceOf(row)
  },
  async many(db, uuids) {
    const text = `select * from instances where uuid = any($1::text[]) and ${onlyChecked('deleted = 0')}`
    const read = rowsReader()
    const rows = await askRows<InstanceRow>(db, text, [uuids])
    const found = new Map(rows.map((row) => [row.uuid, read(row)]))
    return uuids.map((uuid) => found.get(uuid))
  },
})

/** The instance; throws notFound in Nova's words. */
export async function getInstance(db: Db, uuid: string, options: GetOptions = {}): Promise<Instance> {
  const instance = await findInstance(db, uuid, options)
  if (!instance) throw instanceNotFound(uuid)
  return instance
}

export const instanceNotFound = (uuid: string) => notFound(`Instance ${uuid} could not be found.`)

/** How many rows one INSERT carries: SQLite binds at most 32,766 values. */
const INSERT_CHUNK = 500

/** Stores new instances, in one transaction, and answers them in the same order. A uuid in use is a conflict. */
export async function insertInstances(
  db: Db,
  news: readonly NewInstance[],
  options: { now: number },
): Promise<Instance[]> {
  return inTransaction(db, async (trx) => {
    const stored = new Map<string, Instance>()
    const read = rowsReader()
    for (let start = 0; start < news.length; start += INSERT_CHUNK) {
      const rows = news.slice(start, start + INSERT_CHUNK).map((instance) => rowOf(instance, options.now))
      for (const row of await insertRows(trx, rows)) stored.set(row.uuid, read(row))
    }
    await insertSideRows(trx, [...stored.values()])
    return news.flatMap(({ uuid }) => stored.get(uuid) ?? [])
  })
}

async function insertRows(trx: Transaction<NovaDb>, rows: ReturnType<typeof rowOf>[]) {
  try {
    return await trx.insertInto('instances').values(rows).returningAll().execute()
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('An instance with this id already exists.', { cause: error })
    throw error
  }
}

/** For the tables that filters by tag and metadata look in. */
export const sideRows = (instances: readonly Pick<NewInstance, 'uuid' | 'tags' | 'metadata'>[]) => ({
  tags: instances.flatMap(({ uuid, tags = [] }) => tags.map((tag) => ({ instance_uuid: uuid, tag }))),
  metadata: instances.flatMap(({ uuid, metadata = {} }) =>
    Object.entries(metadata).map(([key, value]) => ({ instance_uuid: uuid, key, value })),
  ),
})

async function insertSideRows(
  trx: Transaction<NovaDb>,
  instances: readonly Pick<Instance, 'uuid' | 'tags' | 'metadata'>[],
) {
  const { tags, metadata } = sideRows(instances)
  if (tags.length > 0) await trx.insertInto('instance_tags').values(tags).execute()
  if (metadata.length > 0) await trx.insertInto('instance_metadata').values(metadata).execute()
}

/**
 * Compare-and-swap: changes the instance if it is there, not deleted, and as expected, and answers it
 * as it is now; undefined, with nothing changed, otherwise.
 */
export async function updateInstance(
  db: Db,
  uuid: string,
  changes: InstanceChanges,
  options: UpdateOptions,
): Promise<Instance | undefined> {
  if (changes.tags === undefined && changes.metadata === undefined)
    return updateRow(db, uuid, changes, options)
  return inTransaction(db, async (trx) => {
    const instance = await updateRow(trx, uuid, changes, options)
    if (!instance) return undefined
    if (changes.tags) await trx.deleteFrom('instance_tags').where('instance_uuid', '=', uuid).execute()
    if (changes.metadata)
      await trx.deleteFrom('instance_metadata').where('instance_uuid', '=', uuid).execute()
    await insertSideRows(trx, [{ uuid, tags: changes.tags ?? [], metadata: changes.metadata ?? {} }])
    return instance
  })
}

/** As `updateInstance`, for who needs to know no more of the instance than its host, and changes neither tags nor metadata. */
export async function touchInstance(
  db: Db,
  uuid: string,
  changes: Omit<InstanceChanges, 'tags' | 'metadata'>,
  options: UpdateOptions,
): Promise<Pick<Instance, 'host'> | undefined> {
  return touchingOf(changes, options)(db, { uuid, changes, options })
}

interface Touch {
  readonly uuid: string
  readonly changes: InstanceChanges
  readonly options: UpdateOptions
}
type Touching = (db: Db, touch: Touch) => Promise<Pick<Instance, 'host'> | undefined>

/** By what is changed and expected: those alike in that are one statement. */
const touchings = new Map<string, Touching>()

function touchingOf(changes: InstanceChanges, { expect }: UpdateOptions): Touching {
  const columns = Object.keys(valuesOf(changes)).sort()
  const unlike = expect && unlikeOf(expect)
  // What is expected else is seldom the same of two.
  if (expect && !unlike) return touchOne
  const key = [...columns, ...(unlike ? ['unlike', ...unlike] : [])].join(' ')
  const made = touchings.get(key) ?? touchingIn(columns, unlike ?? [])
  touchings.set(key, made)
  return made
}

const touchOne: Touching = (db, { uuid, changes, options }) =>
  changeOf(db, uuid, changes, options).returning('host').executeTakeFirst()

/** The task states that it must not have, where nothing else is expected. */
function unlikeOf({ taskState, vmState, host }: InstanceExpectation): readonly TaskState[] | undefined {
  const states = [taskState].flat()
  if (vmState !== undefined || host !== undefined || !states.includes(null)) return undefined
  return TASK_STATES.filter((state) => !states.includes(state))
}

function touchingIn(columns: readonly string[], unlike: readonly TaskState[]): Touching {
  const given = columns.map((column, at) => `$${at + 3}::${NUMBERS.has(column) ? 'bigint' : 'text'}[]`)
  const text = `
    update instances i
    set ${columns.map((column) => `${column} = v.${column}, `).join('')}updated_at = v.now, changed_at = v.now
    from unnest($1::text[], $2::bigint[]${given.map((each) => `, ${each}`).join('')})
      as v (uuid, now${columns.map((column) => `, ${column}`).join('')})
    where i.uuid = v.uuid and ${onlyChecked('i.deleted = 0')}${
      unlike.length === 0
        ? ''
        : ` and (i.task_state is null or i.task_state not in (${unlike.map((state) => `'${state}'`).join(', ')}))`
    }
    returning i.uuid, i.host`
  return joined<NovaDb, Touch, Pick<Instance, 'host'> | undefined>({
    rank: 40,
    writes: true,
    keyOf: ({ uuid }) => uuid,
    one: touchOne,
    async many(db, touches) {
      const values = touches.map(({ changes }) => valuesOf(changes) as Readonly<Record<string, unknown>>)
      const rows = await askRows<{ uuid: string; host: string | null }>(db, text, [
        touches.map(({ uuid }) => uuid),
        touches.map(({ options }) => options.now),
        ...columns.map((column) => values.map((each) => each[column])),
      ])
      const found = new Map(rows.map((row) => [row.uuid, { host: row.host }]))
      return touches.map(({ uuid }) => found.get(uuid))
    },
  })
}

/** The columns of numbers; the others are text. */
const NUMBERS: ReadonlySet<string> = new Set([
  'instance_type_id',
  'vcpus',
  'memory_mb',
  'root_gb',
  'ephemeral_gb',
  'power_state',
  'progress',
  'config_drive',
  'launch_index',
  'locked',
  'auto_disk_config',
  'launched_at',
  'terminated_at',
])

async function updateRow(db: Db, uuid: string, changes: InstanceChanges, options: UpdateOptions) {
  const row = await changeOf(db, uuid, changes, options).returningAll().executeTakeFirst()
  return row && instanceOf(row)
}

/** The change of a row that is as expected. */
function changeOf(db: Db, uuid: string, changes: InstanceChanges, options: UpdateOptions) {
  const { taskState, vmState, host } = options.expect ?? {}
  let query = db
    .updateTable('instances')
    .set({ ...valuesOf(changes), updated_at: options.now, changed_at: options.now })
    .where('uuid', '=', uuid)
    .where('deleted', '=', 0)
  if (vmState !== undefined) query = query.where('vm_state', 'in', [vmState].flat())
  if (host !== undefined) query = query.where('host', 'is not distinct from', host)
  if (taskState !== undefined) {
    const states = [taskState].flat()
    const named = states.filter((state) => state !== null)
    const others = TASK_STATES.filter((state) => !named.includes(state))
    query = query.where((eb) =>
      eb.or([
        ...(states.includes(null) ? [eb('task_state', 'is', null)] : []),
        // The shorter list of the two: "anything but deleting" is asked all the time.
        ...(named.length > others.length && others.length > 0
          ? [eb('task_state', 'not in', others)]
          : named.length > 0
            ? [eb('task_state', 'in', named)]
            : []),
      ]),
    )
  }
  return query
}

/**
 * Reads the instance, asks `change` what to change of it, and writes that, with nothing in between:
 * for changes that depend on what is there (one metadata key, one tag, one interface). `change` may
 * throw a fault to leave all as it is. Throws notFound.
 */
export async function modifyInstance(
  db: Db,
  uuid: string,
  options: { readonly now: number },
  change: (instance: Instance) => InstanceChanges,
): Promise<Instance> {
  return inTransaction(db, async (trx) => {
    const query = trx.selectFrom('instances').selectAll().where('uuid', '=', uuid).where('deleted', '=', 0)
    const row = await lockRows(dialectOf(trx), query).executeTakeFirst()
    const changed = row && (await updateInstance(trx, uuid, change(instanceOf(row)), options))
    if (!changed) throw instanceNotFound(uuid)
    return changed
  })
}

/**
 * Marks the instance deleted: it is no longer found, listed or counted, but `deleted: true` lists show
 * it. Answers it as it is now; undefined when it was deleted already.
 */
export async function removeInstance(
  db: Db,
  uuid: string,
  options: UpdateOptions,
): Promise<Instance | undefined> {
  return inTransaction(db, async (trx) => {
    const instance = await updateRow(trx, uuid, { vmState: 'deleted', taskState: null }, options)
    if (!instance) return undefined
    const { now } = options
    const row = await trx
      .updateTable('instances')
      .set({ deleted: 1, deleted_at: now, terminated_at: instance.terminatedAt ?? now })
      .where('uuid', '=', uuid)
      .returningAll()
      .executeTakeFirstOrThrow()
    return instanceOf(row)
  })
}

interface Ended {
  readonly uuid: string
  readonly now: number
}

/** Marks the instance deleted, as `removeInstance` does, and nowhere any more: no guest, no interfaces. */
export const endInstance = joined<NovaDb, Ended, void>({
  rank: 45,
  writes: true,
  keyOf: ({ uuid }) => uuid,
  async one(db, { uuid, now }) {
    const gone = { powerState: POWER_STATES.nostate, networkInfo: [], terminatedAt: now }
    await updateInstance(db, uuid, gone, { now })
    await removeInstance(db, uuid, { now })
  },
  async many(db, ended) {
    await askRows(db, END_MANY, [ended.map(({ uuid }) => uuid), ended.map(({ now }) => now)])
    return ended.map(() => undefined)
  },
})

const END_MANY = `
  update instances i
  set vm_state = 'deleted', task_state = null, power_state = ${POWER_STATES.nostate}, network_info = '[]',
    addresses_v4 = '', addresses_v6 = '', terminated_at = v.now, updated_at = v.now, changed_at = v.now,
    deleted = 1, deleted_at = v.now
  from unnest($1::text[], $2::bigint[]) as v (uuid, now)
  where i.uuid = v.uuid and ${onlyChecked('i.deleted = 0')}`

export interface InstanceUsage {
  readonly instances: number
  readonly cores: number
  readonly ramMb: number
}

/** What a project (or one user in it) uses of its quota: all but deleted and soft-deleted instances. */
export async function countInstances(
  db: Db,
  of: { readonly projectId: string; readonly userId?: string },
): Promise<InstanceUsage> {
  const query = db
    .selectFrom('instances')
    .select(({ fn, lit, ref }) => [
      fn.countAll<number>().as('instances'),
      fn.coalesce(fn.sum<number>('vcpus'), lit(0)).as('cores'),
      fn.coalesce(fn.sum<number>(ref('memory_mb')), lit(0)).as('ram_mb'),
    ])
    .where('project_id', '=', of.projectId)
    .where(({ eb, lit }) => eb('deleted', '=', lit(0)))
    .where(({ eb, val }) => eb('vm_state', '<>', val('soft-delete')))
  const row = await (of.userId === undefined
    ? query
    : query.where('user_id', '=', of.userId)
  ).executeTakeFirstOrThrow()
  return { instances: row.instances, cores: row.cores, ramMb: row.ram_mb }
}
