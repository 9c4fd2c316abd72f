/** Listing instances: every filter and sort key of the API, in one query (two with a marker). */
import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type SqlBool,
  sql,
  type Transaction,
} from 'kysely'
import {
  type Direction,
  dialectOf,
  isOneOf,
  keysetAfter,
  keysetOrder,
  matches,
  PLANNED_EACH_TIME,
  type SortColumn,
} from '#db/kit/index.ts'
import { badRequest } from '#lib/fault.ts'
import type { Instance, PowerState, TaskState, VmState } from '#model/instance/index.ts'
import { rowsReader } from './instance-row.ts'
import type { InstanceRow, NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** The fields that a filter matches as a regular expression, by Nova's names, and their columns. */
export const INSTANCE_PATTERNS = {
  display_name: 'display_name',
  display_description: 'display_description',
  hostname: 'hostname',
  node: 'node',
  key_name: 'key_name',
  reservation_id: 'reservation_id',
  availability_zone: 'availability_zone',
  kernel_id: 'kernel_id',
  ramdisk_id: 'ramdisk_id',
  root_device_name: 'root_device_name',
  access_ip_v4: 'access_ip_v4',
  access_ip_v6: 'access_ip_v6',
} as const satisfies Record<string, keyof InstanceRow>

export interface InstanceFilters {
  readonly projectId?: string
  readonly userId?: string
  /** Any of these. */
  readonly uuids?: readonly string[]
  readonly host?: string
  /** On any of these. */
  readonly hosts?: readonly string[]
  readonly node?: string
  readonly availabilityZone?: string
  readonly imageRef?: string
  /** The flavor's id in the API. */
  readonly flavorId?: string
  readonly reservationId?: string
  readonly keyName?: string
  readonly launchIndex?: number
  readonly powerState?: PowerState
  readonly progress?: number
  readonly configDrive?: boolean
  readonly autoDiskConfig?: boolean
  readonly locked?: boolean
  /** Any of these; see `statesOfStatuses`. */
  readonly vmStates?: readonly VmState[]
  readonly taskStates?: readonly (TaskState | null)[]
  /** All of these tags. */
  readonly tags?: readonly string[]
  readonly tagsAny?: readonly string[]
  /** Not all of these tags. */
  readonly notTags?: readonly string[]
  /** None of these tags. */
  readonly notTagsAny?: readonly string[]
  /** All of these keys with these values. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Touched at or after; milliseconds since the epoch. */
  readonly changesSince?: number
  /** Touched at or before. */
  readonly changesBefore?: number
  /** In the second that begins at this time. */
  readonly createdAt?: number
  readonly launchedAt?: number
  readonly terminatedAt?: number
  /** Regular expressions, by Nova's field names. */
  readonly patterns?: Partial<Readonly<Record<keyof typeof INSTANCE_PATTERNS, string>>>
  /** Regular expressions that one of the fixed addresses begins with. */
  readonly ip?: string
  readonly ip6?: string
  /**
   * false (the default): what lives. true: what is deleted, soft-deleted included. `any`: both, as
   * lists of changes want it.
   */
  readonly deleted?: boolean | 'any'
  /** Together with `deleted: false`: also what is soft-deleted. */
  readonly softDeleted?: boolean
}

const text = (nullable = false) => ({ nullable })

/** The keys the API may sort by. */
const SORTABLE = {
  access_ip_v4: text(true),
  access_ip_v6: text(true),
  auto_disk_config: text(),
  availability_zone: text(true),
  config_drive: text(),
  created_at: text(),
  display_description: text(true),
  display_name: text(),
  host: text(true),
  hostname: text(),
  image_ref: text(),
  instance_type_id: text(),
  kernel_id: text(),
  key_name: text(true),
  launch_index: text(),
  launched_at: text(true),
  locked: text(),
  node: text(true),
  power_state: text(),
  progress: text(),
  project_id: text(),
  ramdisk_id: text(),
  root_device_name: text(true),
  task_state: text(true),
  terminated_at: text(true),
  updated_at: text(true),
  user_id: text(),
  uuid: text(),
  vm_state: text(),
} as const satisfies Partial<Record<keyof InstanceRow, { nullable: boolean }>>

export type InstanceSortKey = keyof typeof SORTABLE
export const INSTANCE_SORT_KEYS = Object.keys(SORTABLE) as readonly InstanceSortKey[]

export interface InstancePage {
  /** Default: newest first. */
  readonly sort?: readonly { readonly key: InstanceSortKey; readonly direction: Direction }[]
  /** The uuid of the last instance of the page before. */
  readonly marker?: string
  readonly limit?: number
}

/**
 * The instances that pass all filters, in order, a page of them. A marker that does not exist and a
 * pattern that is none are bad requests.
 */
export async function listInstances(
  db: Db,
  filters: InstanceFilters = {},
  page: InstancePage = {},
): Promise<Instance[]> {
  const sort = sortOf(page)
  let query = db
    .selectFrom('instances')
    .selectAll()
    .where((eb) => eb.and([...conditionsOf(eb, filters), ...patternsOf(db, filters)]))
  if (page.marker !== undefined)
    query = query.where(keysetAfter(sort, await markerValues(db, sort, page.marker)))
  for (const order of keysetOrder(sort)) query = query.orderBy(order)
  if (page.limit !== undefined) query = query.limit(page.limit)
  const rows = await query.modifyEnd(sql.raw(PLANNED_EACH_TIME)).execute().catch(refusePattern)
  return rows.map(rowsReader())
}

function sortOf({ sort = [] }: InstancePage): SortColumn[] {
  const keys = sort.length > 0 ? sort : [{ key: 'created_at' as const, direction: 'desc' as const }]
  const columns = keys.map(({ key, direction }) => ({
    column: key,
    direction,
    nullable: SORTABLE[key].nullable,
  }))
  return [...columns, { column: 'id', direction: keys.at(-1)?.direction ?? 'desc' }]
}

async function markerValues(db: Db, sort: readonly SortColumn[], marker: string): Promise<unknown[]> {
  const row = await db.selectFrom('instances').selectAll().where('uuid', '=', marker).executeTakeFirst()
  if (!row) throw badRequest(`marker [${marker}] not found`)
  return sort.map(({ column }) => row[column as keyof InstanceRow])
}

const SYNTAX_ERROR_IN_PATTERN = '2201B'

/** A filter's pattern that the database cannot read is the caller's mistake. */
function refusePattern(error: unknown): never {
  const isSyntax =
    error instanceof SyntaxError ||
    (error instanceof Error && 'code' in error && error.code === SYNTAX_ERROR_IN_PATTERN)
  if (isSyntax) throw badRequest(`Invalid regular expression in a filter: ${error.message}`, { cause: error })
  throw error
}

type Eb = ExpressionBuilder<NovaDb, 'instances'>
type Condition = Expression<SqlBool>

/** Filters that are one column, one value. */
const EQUALS = {
  projectId: 'project_id',
  userId: 'user_id',
  host: 'host',
  node: 'node',
  availabilityZone: 'availability_zone',
  imageRef: 'image_ref',
  flavorId: 'flavorid',
  reservationId: 'reservation_id',
  keyName: 'key_name',
  launchIndex: 'launch_index',
  powerState: 'power_state',
  progress: 'progress',
  configDrive: 'config_drive',
  autoDiskConfig: 'auto_disk_config',
  locked: 'locked',
} as const satisfies Partial<Record<keyof InstanceFilters, keyof InstanceRow>>

function conditionsOf(eb: Eb, filters: InstanceFilters): Condition[] {
  const conditions: Condition[] = lifeOf(eb, filters)
  for (const [filter, column] of Object.entries(EQUALS)) {
    const value = filters[filter as keyof typeof EQUALS]
    if (value !== undefined)
      conditions.push(eb(column, '=', typeof value === 'boolean' ? Number(value) : value))
  }
  const { hosts, vmStates, taskStates, changesSince, changesBefore } = filters
  if (hosts) conditions.push(anyOf(eb, 'host', hosts))
  if (vmStates) conditions.push(anyOf(eb, 'vm_state', vmStates))
  if (taskStates) conditions.push(anyOf(eb, 'task_state', taskStates))
  if (changesSince !== undefined) conditions.push(eb('changed_at', '>=', changesSince))
  if (changesBefore !== undefined) conditions.push(eb('changed_at', '<=', changesBefore))
  for (const [key, value] of Object.entries(filters.metadata ?? {}))
    conditions.push(hasMetadata(eb, key, value))
  return [...conditions, ...timesOf(eb, filters), ...tagConditions(eb, filters)]
}

/** Filters that are a time: columns are finer than what callers see and send. */
const SECONDS = {
  createdAt: 'created_at',
  launchedAt: 'launched_at',
  terminatedAt: 'terminated_at',
} as const satisfies Partial<Record<keyof InstanceFilters, keyof InstanceRow>>
const SECOND_MS = 1000

function timesOf(eb: Eb, filters: InstanceFilters): Condition[] {
  return Object.entries(SECONDS).flatMap(([filter, column]) => {
    const time = filters[filter as keyof typeof SECONDS]
    return time === undefined ? [] : [eb(column, '>=', time), eb(column, '<', time + SECOND_MS)]
  })
}

function lifeOf(eb: Eb, { deleted = false, softDeleted = false }: InstanceFilters): Condition[] {
  if (deleted === 'any') return []
  if (deleted) return [eb.or([eb('deleted', '=', 1), eb('vm_state', '=', 'soft-delete')])]
  return [eb('deleted', '=', eb.lit(0)), ...(softDeleted ? [] : [eb('vm_state', '<>', 'soft-delete')])]
}

function anyOf(
  eb: Eb,
  column: 'host' | 'vm_state' | 'task_state',
  values: readonly (string | null)[],
): Condition {
  const named = values.filter((value) => value !== null)
  const isNamed = named.length > 0 ? [eb(column, 'in', named)] : []
  return eb.or([...isNamed, ...(values.includes(null) ? [eb(column, 'is', null)] : [])])
}

const hasMetadata = (eb: Eb, key: string, value: string): Condition =>
  eb.exists(
    eb
      .selectFrom('instance_metadata')
      .select('key')
      .whereRef('instance_metadata.instance_uuid', '=', 'instances.uuid')
      .where('key', '=', key)
      .where('value', '=', value),
  )

function tagConditions(
  eb: Eb,
  { tags = [], tagsAny = [], notTags = [], notTagsAny = [] }: InstanceFilters,
): Condition[] {
  const hasOneOf = (some: readonly string[]) =>
    eb.exists(
      eb
        .selectFrom('instance_tags')
        .select('tag')
        .whereRef('instance_tags.instance_uuid', '=', 'instances.uuid')
        .where('tag', 'in', some),
    )
  const hasAll = (all: readonly string[]) => eb.and(all.map((tag) => hasOneOf([tag])))
  return [
    ...(tags.length > 0 ? [hasAll(tags)] : []),
    ...(tagsAny.length > 0 ? [hasOneOf(tagsAny)] : []),
    ...(notTags.length > 0 ? [eb.not(hasAll(notTags))] : []),
    ...(notTagsAny.length > 0 ? [eb.not(hasOneOf(notTagsAny))] : []),
  ]
}

function patternsOf(db: Db, { uuids, patterns = {}, ip, ip6 }: InstanceFilters): Condition[] {
  const dialect = dialectOf(db)
  const conditions: Condition[] = uuids ? [isOneOf(dialect, 'uuid', uuids)] : []
  for (const [field, pattern] of Object.entries(patterns)) {
    const column = INSTANCE_PATTERNS[field as keyof typeof INSTANCE_PATTERNS]
    conditions.push(matches(dialect, sql.ref(column), pattern))
  }
  const addresses = [
    ...(ip === undefined ? [] : [matches(dialect, sql.ref('addresses_v4'), `^(?:${ip})`)]),
    ...(ip6 === undefined ? [] : [matches(dialect, sql.ref('addresses_v6'), `^(?:${ip6})`)]),
  ]
  if (addresses.length > 0) conditions.push(sql<SqlBool>`(${sql.join(addresses, sql` or `)})`)
  return conditions
}
