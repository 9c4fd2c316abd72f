/** What lists of servers may be asked for, at each microversion. */
import { during, type JsonSchema, LIMIT, many, operation, query, since } from '#lib/versioned/index.ts'

const REGEX: JsonSchema = { type: 'string', format: 'regex' }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }

/** What lists can be sorted by. */
const SORT_KEYS = [
  'access_ip_v4',
  'access_ip_v6',
  'auto_disk_config',
  'availability_zone',
  'config_drive',
  'created_at',
  'display_description',
  'display_name',
  'host',
  'hostname',
  'image_ref',
  'instance_type_id',
  'kernel_id',
  'key_name',
  'launch_index',
  'launched_at',
  'locked_by',
  'node',
  'power_state',
  'progress',
  'project_id',
  'ramdisk_id',
  'root_device_name',
  'task_state',
  'terminated_at',
  'updated_at',
  'user_id',
  'uuid',
  'vm_state',
]

/** Columns that Nova once let through by accident: accepted until they were refused, and passed over. */
export const IGNORED_SORT_KEYS = [
  'architecture',
  'cell_name',
  'cleaned',
  'default_ephemeral_device',
  'default_swap_device',
  'deleted',
  'deleted_at',
  'disable_terminate',
  'ephemeral_gb',
  'ephemeral_key_uuid',
  'id',
  'key_data',
  'launched_on',
  'locked',
  'memory_mb',
  'os_type',
  'reservation_id',
  'root_gb',
  'shutdown_terminate',
  'user_data',
  'vcpus',
  'vm_mode',
]

const sortKeys = (keys: readonly string[]) => many({ type: 'string', enum: keys })

export const serversQuery = query(
  {
    user_id: many(),
    project_id: many(),
    tenant_id: many(),
    launch_index: many(),
    image_ref: many(),
    image: many(),
    kernel_id: many(REGEX),
    ramdisk_id: many(REGEX),
    hostname: many(REGEX),
    key_name: many(REGEX),
    power_state: many(REGEX),
    vm_state: many(),
    task_state: many(),
    host: many(),
    node: many(REGEX),
    flavor: many(REGEX),
    reservation_id: many(REGEX),
    launched_at: many(REGEX),
    terminated_at: many(REGEX),
    availability_zone: many(REGEX),
    name: many(REGEX),
    display_name: many(REGEX),
    description: many(REGEX),
    display_description: many(REGEX),
    locked_by: many(REGEX),
    uuid: many(),
    root_device_name: many(REGEX),
    config_drive: many(REGEX),
    access_ip_v4: many(REGEX),
    access_ip_v6: many(REGEX),
    auto_disk_config: many(REGEX),
    progress: many(REGEX),
    sort_key: during({
      '..2.74': sortKeys([...SORT_KEYS, ...IGNORED_SORT_KEYS]),
      '2.75..': sortKeys([...SORT_KEYS, 'locked']),
    }),
    sort_dir: many(),
    all_tenants: many(),
    soft_deleted: many(),
    deleted: many(),
    status: many(),
    'changes-since': many(TIME),
    ip: many(REGEX),
    ip6: many(REGEX),
    created_at: many(REGEX),
    block_device_mapping: many(),
    services: many(),
    metadata: many(),
    system_metadata: many(),
    info_cache: many(),
    security_groups: many(),
    pci_devices: many(),
    limit: many(LIMIT),
    marker: many(),
    tags: since('2.26', many(REGEX)),
    'tags-any': since('2.26', many(REGEX)),
    'not-tags': since('2.26', many(REGEX)),
    'not-tags-any': since('2.26', many(REGEX)),
    'changes-before': since('2.66', many(TIME)),
    locked: since('2.73', many()),
  },
  { strictSince: '2.75', patternProperties: { '^_': { type: 'array', items: { type: 'string' } } } },
)

const behaviours = {
  unknownStatusRefused: '2.38..',
  tagFilters: '2.26..',
  lockedFilter: '2.73..',
  ip6ForAll: '2.5..',
  changesBefore: '2.66..',
  moreFiltersForAll: '2.83..',
  hostnameForAll: '2.90..',
} as const

export const listServers = operation({
  path: 'GET /servers',
  policy: 'os_compute_api:servers:index',
  query: serversQuery,
  behaviours,
})

export const detailServers = operation({
  path: 'GET /servers/detail',
  policy: 'os_compute_api:servers:detail',
  query: serversQuery,
  behaviours,
})

export const showServer = operation({
  path: 'GET /servers/{id}',
  query: query({}, { strictSince: '2.102' }),
})
