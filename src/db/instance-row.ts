/** Instances as rows and as records, in both directions. */
import type { Flavor } from '#model/flavor/index.ts'
import type { Instance, PowerState, TaskState, VmState } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { InstanceRow, NewInstanceRow } from './schema.ts'

type Given = 'id' | 'createdAt' | 'updatedAt' | 'deletedAt' | 'deleted'
type Fixed = Given | 'uuid' | 'projectId' | 'userId' | 'reservationId' | 'launchIndex'

/** What an instance may be changed in. */
export type InstanceChanges = Partial<Omit<Instance, Fixed>>

type Required =
  | 'uuid'
  | 'projectId'
  | 'userId'
  | 'displayName'
  | 'hostname'
  | 'vmState'
  | 'imageRef'
  | 'flavor'
  | 'reservationId'
/** An instance to be stored; what is left out starts empty. */
export type NewInstance = Pick<Instance, Required> & Partial<Omit<Instance, Given | Required>>

const EMPTY: Omit<Instance, Given | Required> = {
  displayDescription: null,
  taskState: null,
  powerState: 0,
  progress: 0,
  host: null,
  node: null,
  launchedOn: null,
  availabilityZone: null,
  kernelId: '',
  ramdiskId: '',
  keyName: null,
  keyData: null,
  userData: null,
  configDrive: false,
  accessIpV4: null,
  accessIpV6: null,
  launchIndex: 0,
  metadata: {},
  systemMetadata: {},
  tags: [],
  trustedCerts: null,
  locked: false,
  lockedBy: null,
  lockedReason: null,
  rootDeviceName: null,
  autoDiskConfig: false,
  securityGroups: [],
  networkInfo: [],
  launchedAt: null,
  terminatedAt: null,
}

type Values = Omit<
  NewInstanceRow,
  'id' | 'created_at' | 'updated_at' | 'changed_at' | 'deleted' | 'deleted_at'
>
type Writer<K extends keyof Instance> = (value: Instance[K]) => Partial<Values>

const plain =
  <C extends keyof Values>(column: C) =>
  (value: Values[C]): Partial<Values> => ({ [column]: value })
const flag = (column: keyof Values) => (value: boolean) => ({ [column]: value ? 1 : 0 }) as Partial<Values>
const json = (column: keyof Values) => (value: unknown) =>
  ({ [column]: JSON.stringify(value) }) as Partial<Values>

/** How each field is written. */
const WRITERS: { readonly [K in Exclude<keyof Instance, Given>]: Writer<K> } = {
  uuid: plain('uuid'),
  projectId: plain('project_id'),
  userId: plain('user_id'),
  displayName: plain('display_name'),
  displayDescription: plain('display_description'),
  hostname: plain('hostname'),
  vmState: plain('vm_state'),
  taskState: plain('task_state'),
  powerState: plain('power_state'),
  progress: plain('progress'),
  host: plain('host'),
  node: plain('node'),
  launchedOn: plain('launched_on'),
  availabilityZone: plain('availability_zone'),
  imageRef: plain('image_ref'),
  kernelId: plain('kernel_id'),
  ramdiskId: plain('ramdisk_id'),
  flavor: (flavor) => ({
    instance_type_id: flavor.id,
    flavorid: flavor.flavorId,
    vcpus: flavor.vcpus,
    memory_mb: flavor.memoryMb,
    root_gb: flavor.rootGb,
    ephemeral_gb: flavor.ephemeralGb,
    flavor: JSON.stringify(flavor),
  }),
  keyName: plain('key_name'),
  keyData: plain('key_data'),
  userData: plain('user_data'),
  configDrive: flag('config_drive'),
  accessIpV4: plain('access_ip_v4'),
  accessIpV6: plain('access_ip_v6'),
  reservationId: plain('reservation_id'),
  launchIndex: plain('launch_index'),
  metadata: json('metadata'),
  systemMetadata: json('system_metadata'),
  tags: json('tags'),
  trustedCerts: (certs) => ({ trusted_certs: certs && JSON.stringify(certs) }),
  locked: flag('locked'),
  lockedBy: plain('locked_by'),
  lockedReason: plain('locked_reason'),
  rootDeviceName: plain('root_device_name'),
  autoDiskConfig: flag('auto_disk_config'),
  securityGroups: json('security_groups'),
  networkInfo: (vifs) => ({
    network_info: JSON.stringify(vifs),
    addresses_v4: addressesOf(vifs, 4),
    addresses_v6: addressesOf(vifs, 6),
  }),
  launchedAt: plain('launched_at'),
  terminatedAt: plain('terminated_at'),
}

const addressesOf = (vifs: readonly Vif[], version: 4 | 6): string =>
  vifs
    .flatMap((vif) => vif.fixedIps.filter((ip) => ip.version === version).map((ip) => ip.address))
    .join('\n')

/** The columns that these changes set. */
export function valuesOf(changes: InstanceChanges): Partial<Values> {
  const values: Partial<Values> = {}
  for (const [field, value] of Object.entries(changes)) {
    const write = (WRITERS as Readonly<Record<string, ((value: unknown) => Partial<Values>) | undefined>>)[
      field
    ]
    if (write && value !== undefined) Object.assign(values, write(value))
  }
  return values
}

/** The row of a new instance. */
export function rowOf(instance: NewInstance, now: number): NewInstanceRow {
  const values = valuesOf({ ...EMPTY, ...instance }) as Values
  return { ...values, created_at: now, updated_at: null, changed_at: now, deleted_at: null, deleted: 0 }
}

export const instanceOf = (row: InstanceRow): Instance => rowsReader()(row)

/**
 * Reads rows, many of which are alike: the JSON of flavors, security groups and empty values is parsed
 * once for all of them.
 */
export function rowsReader(): (row: InstanceRow) => Instance {
  const parsed = new Map<string, unknown>()
  const parseOnce = (text: string): unknown => {
    const known = parsed.get(text)
    if (known !== undefined) return known
    const value: unknown = JSON.parse(text)
    parsed.set(text, value)
    return value
  }
  return (row) => ({
    id: row.id,
    uuid: row.uuid,
    projectId: row.project_id,
    userId: row.user_id,
    displayName: row.display_name,
    displayDescription: row.display_description,
    hostname: row.hostname,
    vmState: row.vm_state as VmState,
    taskState: row.task_state as TaskState | null,
    powerState: row.power_state as PowerState,
    progress: row.progress,
    host: row.host,
    node: row.node,
    launchedOn: row.launched_on,
    availabilityZone: row.availability_zone,
    imageRef: row.image_ref,
    kernelId: row.kernel_id,
    ramdiskId: row.ramdisk_id,
    flavor: parseOnce(row.flavor) as Flavor,
    keyName: row.key_name,
    keyData: row.key_data,
    userData: row.user_data,
    configDrive: row.config_drive === 1,
    accessIpV4: row.access_ip_v4,
    accessIpV6: row.access_ip_v6,
    reservationId: row.reservation_id,
    launchIndex: row.launch_index,
    metadata: parseOnce(row.metadata) as Instance['metadata'],
    systemMetadata: parseOnce(row.system_metadata) as Instance['systemMetadata'],
    tags: parseOnce(row.tags) as string[],
    trustedCerts: row.trusted_certs === null ? null : (parseOnce(row.trusted_certs) as string[]),
    locked: row.locked === 1,
    lockedBy: row.locked_by as Instance['lockedBy'],
    lockedReason: row.locked_reason,
    rootDeviceName: row.root_device_name,
    autoDiskConfig: row.auto_disk_config === 1,
    securityGroups: parseOnce(row.security_groups) as string[],
    networkInfo: row.network_info === '[]' ? [] : (JSON.parse(row.network_info) as Vif[]),
    launchedAt: row.launched_at,
    terminatedAt: row.terminated_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
    deleted: row.deleted === 1,
  })
}
