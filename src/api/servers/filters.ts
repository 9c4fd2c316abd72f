/** The filters and the order of a list of servers, from Nova's parameters to the store's. */
import type { Call } from '#api/kernel/index.ts'
import {
  INSTANCE_PATTERNS,
  type InstanceFilters,
  type InstancePage,
  type InstanceSortKey,
} from '#db/instances.ts'
import { badRequest, forbidden } from '#lib/fault.ts'
import { type Accepted, readBoolean, readDateTime } from '#lib/versioned/index.ts'
import { type PowerState, statesOfStatuses, type TaskState, type VmState } from '#model/instance/index.ts'
import { IGNORED_SORT_KEYS, type serversQuery } from './list.spec.ts'

export type ServersQuery = Accepted<typeof serversQuery>
type Flag =
  | 'unknownStatusRefused'
  | 'tagFilters'
  | 'lockedFilter'
  | 'ip6ForAll'
  | 'changesBefore'
  | 'moreFiltersForAll'
  | 'hostnameForAll'
export type ListCall = Call<unknown, ServersQuery, Flag>
type Parameter = keyof ServersQuery

/** Filters that anybody may use; the others are passed over unless a rule allows all. */
const FOR_ALL: readonly Parameter[] = [
  'reservation_id',
  'name',
  'status',
  'image',
  'flavor',
  'ip',
  'changes-since',
  'all_tenants',
]
const FOR_ALL_SINCE: readonly (readonly [Flag, readonly Parameter[]])[] = [
  ['ip6ForAll', ['ip6']],
  ['tagFilters', ['tags', 'tags-any', 'not-tags', 'not-tags-any']],
  ['changesBefore', ['changes-before']],
  ['lockedFilter', ['locked']],
  [
    'moreFiltersForAll',
    [
      'availability_zone',
      'config_drive',
      'key_name',
      'created_at',
      'launched_at',
      'terminated_at',
      'power_state',
      'task_state',
      'vm_state',
      'progress',
      'user_id',
    ],
  ],
  ['hostnameForAll', ['hostname']],
]

type Read = (name: Parameter) => string | undefined

/** The parts of addresses asked for. */
export const addressesAsked = (call: ListCall): readonly string[] => {
  const read = readerOf(call)
  return [read('ip'), read('ip6')].filter((part) => part !== undefined)
}

/** The last value of each parameter that this caller may filter by. */
function readerOf(call: ListCall): Read {
  if (call.may('os_compute_api:servers:allow_all_filters')) return (name) => call.query[name]?.at(-1)
  const allowed = new Set([
    ...FOR_ALL,
    ...FOR_ALL_SINCE.flatMap(([flag, names]) => (call.on[flag] ? names : [])),
  ])
  return (name) => (allowed.has(name) ? call.query[name]?.at(-1) : undefined)
}

/** What is kept beside servers: nobody may filter by it. */
const NOT_FILTERS: readonly Parameter[] = [
  'block_device_mapping',
  'services',
  'metadata',
  'system_metadata',
  'info_cache',
  'security_groups',
  'pci_devices',
]

/** Nova's columns that are no filters, and names that begin like private ones, to those who may use all filters. */
function refuseNoFilters(call: ListCall): void {
  if (!call.may('os_compute_api:servers:allow_all_filters')) return
  const names = Object.keys(call.query)
  const wrong = names.find(
    (name) => name.startsWith('_') || (NOT_FILTERS as readonly string[]).includes(name),
  )
  if (wrong !== undefined) throw badRequest(`Invalid filter field: ${wrong}.`)
}

/** Undefined: nothing can match, the list is empty. */
export function filtersOf(call: ListCall, allTenantsRule: string): InstanceFilters | undefined {
  refuseNoFilters(call)
  const read = readerOf(call)
  const states = statesOf(call, read)
  if (states === undefined) return undefined
  return {
    ...ownerOf(call, read, allTenantsRule),
    ...states,
    ...lifeOf(call, read, states),
    ...changesOf(read),
    ...simpleOf(read),
    ...numbersOf(read),
    ...(call.on.tagFilters && tagsOf(read)),
    ...patternsOf(read),
  }
}

function ownerOf(call: ListCall, read: Read, allTenantsRule: string): InstanceFilters {
  const sent = read('all_tenants')
  const allTenants = sent === undefined ? false : sent === '' || strictBoolean(sent)
  if (!allTenants) {
    const { projectId, userId } = call.context
    const asked = read('user_id')
    return projectId === null ? { userId } : { projectId, ...(asked !== undefined && { userId: asked }) }
  }
  call.enforce(allTenantsRule)
  const projectId = read('project_id') ?? read('tenant_id')
  const userId = read('user_id')
  return { ...(projectId !== undefined && { projectId }), ...(userId !== undefined && { userId }) }
}

function strictBoolean(text: string): boolean {
  const value = readBoolean(text)
  const words = "'0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
  if (value === undefined) throw badRequest(`Unrecognized value '${text}', acceptable values are: ${words}`)
  return value
}

function statesOf(call: ListCall, read: Read): InstanceFilters | undefined {
  const sent = call.query.status
  if (sent === undefined) {
    const vmState = read('vm_state')
    const taskState = read('task_state')
    return {
      ...(vmState !== undefined && { vmStates: [vmState as VmState] }),
      ...(taskState !== undefined && {
        taskStates: [taskState === 'None' ? null : (taskState as TaskState)],
      }),
    }
  }
  const { vmStates, taskStates } = statesOfStatuses(sent)
  if (vmStates.length === 0) {
    if (call.on.unknownStatusRefused) throw badRequest('Invalid status value')
    return undefined
  }
  return { vmStates, ...(taskStates && { taskStates }) }
}

/** Living servers, unless deleted ones are asked for: by name, by status, or by their changes. */
function lifeOf(call: ListCall, read: Read, { vmStates }: InstanceFilters): InstanceFilters {
  const sent = read('deleted')
  if (call.query.status !== undefined && vmStates?.length === 1 && vmStates[0] === 'deleted') {
    if (!call.isAdmin) throw forbidden('Only administrators may list deleted instances')
    return { deleted: true }
  }
  if (sent !== undefined && readBoolean(sent) === true) return { deleted: true }
  const byChanges = read('changes-since') !== undefined || read('changes-before') !== undefined
  const softDeleted = read('soft_deleted')
  const soft =
    vmStates?.includes('soft-delete') === true ||
    (softDeleted !== undefined && readBoolean(softDeleted) === true)
  return { deleted: sent === undefined && byChanges ? 'any' : false, ...(soft && { softDeleted: true }) }
}

function changesOf(read: Read): InstanceFilters {
  const since = timeOf(read('changes-since'))
  const before = timeOf(read('changes-before'))
  if (since !== undefined && before !== undefined && since > before)
    throw badRequest('The value of changes-since must be less than or equal to changes-before.')
  return {
    ...(since !== undefined && { changesSince: since }),
    // To the end of the second: callers see and send no finer ones.
    ...(before !== undefined && { changesBefore: before + 999 }),
  }
}

const timeOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : readDateTime(text)

/** -1, when nothing was, for what is no time. */
const momentOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : (readDateTime(text) ?? -1_000)

/** Filters by the exact value of a text. */
function simpleOf(read: Read): InstanceFilters {
  const imageRef = read('image') ?? read('image_ref')
  const host = read('host')
  const uuid = read('uuid')
  const flavorId = read('flavor')
  const locked = read('locked')
  const configDrive = booleanOf(read('config_drive'))
  const autoDiskConfig = booleanOf(read('auto_disk_config'))
  return {
    ...(imageRef !== undefined && { imageRef: imageRef.slice(imageRef.lastIndexOf('/') + 1) }),
    ...(host !== undefined && { host }),
    ...(uuid !== undefined && { uuids: [uuid] }),
    ...(flavorId !== undefined && { flavorId }),
    ...(locked !== undefined && { locked: strictBoolean(locked) }),
    ...(configDrive !== undefined && { configDrive }),
    ...(autoDiskConfig !== undefined && { autoDiskConfig }),
  }
}

const booleanOf = (text: string | undefined) =>
  text === undefined ? undefined : (readBoolean(text) ?? false)

function numbersOf(read: Read): InstanceFilters {
  const launchIndex = wholeOf(read('launch_index'))
  const powerState = wholeOf(read('power_state'))
  const progress = wholeOf(read('progress'))
  const createdAt = momentOf(read('created_at'))
  const launchedAt = momentOf(read('launched_at'))
  const terminatedAt = momentOf(read('terminated_at'))
  return {
    ...(launchIndex !== undefined && { launchIndex }),
    ...(powerState !== undefined && { powerState: powerState as PowerState }),
    ...(progress !== undefined && { progress }),
    ...(createdAt !== undefined && { createdAt }),
    ...(launchedAt !== undefined && { launchedAt }),
    ...(terminatedAt !== undefined && { terminatedAt }),
  }
}

/** -1 for what is no number: it finds nothing, as comparing a number with a text does. */
const wholeOf = (text: string | undefined) =>
  text === undefined ? undefined : /^\d{1,9}$/.test(text) ? Number(text) : -1

function tagsOf(read: Read): InstanceFilters {
  const tags = read('tags')?.split(',')
  const tagsAny = read('tags-any')?.split(',')
  const notTags = read('not-tags')?.split(',')
  const notTagsAny = read('not-tags-any')?.split(',')
  return {
    ...(tags && { tags }),
    ...(tagsAny && { tagsAny }),
    ...(notTags && { notTags }),
    ...(notTagsAny && { notTagsAny }),
  }
}

/** Nova's parameters that are other names of a field. */
const ALIASES: Partial<Record<keyof typeof INSTANCE_PATTERNS, Parameter>> = {
  display_name: 'name',
  display_description: 'description',
}

function patternsOf(read: Read): InstanceFilters {
  const patterns: Partial<Record<keyof typeof INSTANCE_PATTERNS, string>> = {}
  for (const field of Object.keys(INSTANCE_PATTERNS) as (keyof typeof INSTANCE_PATTERNS)[]) {
    const alias = ALIASES[field]
    const sent = (alias && read(alias)) ?? read(field)
    if (sent !== undefined) patterns[field] = sent
  }
  const ip = read('ip')
  const ip6 = read('ip6')
  return { patterns, ...(ip !== undefined && { ip }), ...(ip6 !== undefined && { ip6 }) }
}

const ADMIN_SORT_KEYS: ReadonlySet<string> = new Set(['host', 'node'])

/** The order asked for; newest first when none is. A key without a direction takes the first one given. */
export function sortOf(call: ListCall): NonNullable<InstancePage['sort']> {
  const directions = (call.query.sort_dir ?? []).map(directionOf)
  const keys = call.query.sort_key ?? []
  return keys.flatMap((key, index) => {
    const isMeant = key === 'locked' && call.on.lockedFilter
    if (IGNORED_SORT_KEYS.includes(key) && !isMeant) return []
    if (ADMIN_SORT_KEYS.has(key) && !call.isAdmin)
      throw forbidden(`Only administrators can sort servers by ${key}`)
    const direction = directions[index] ?? directions[0] ?? 'desc'
    return [{ key: (key === 'locked_by' ? 'locked' : key) as InstanceSortKey, direction }]
  })
}

function directionOf(text: string): 'asc' | 'desc' {
  if (text !== 'asc' && text !== 'desc')
    throw badRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
  return text
}
