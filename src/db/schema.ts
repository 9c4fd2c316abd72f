/**
 * Nova's tables as Kysely sees them. Times are integer milliseconds since the epoch in `_at` columns,
 * flags are 0 and 1, JSON is text; the stores turn rows into the model's records.
 */
import type { Generated, Insertable, Selectable } from 'kysely'
import type { MigrationsTable } from './migrations-table.ts'
import type { CommandsTable, OperationsTable } from './operation-tables.ts'

type Flag = number
/** JSON in a text column. */
type Json = string

export interface NovaDb {
  instances: InstancesTable
  instance_metadata: { instance_uuid: string; key: string; value: string }
  instance_tags: { instance_uuid: string; tag: string }
  instance_faults: InstanceFaultsTable
  instance_actions: InstanceActionsTable
  instance_actions_events: InstanceActionsEventsTable
  block_device_mapping: BlockDeviceMappingTable
  console_auth_tokens: ConsoleAuthTokensTable
  flavors: FlavorsTable
  flavor_extra_specs: { flavor_id: number; key: string; value: string }
  flavor_projects: { flavor_id: number; project_id: string }
  key_pairs: KeyPairsTable
  services: ServicesTable
  compute_nodes: ComputeNodesTable
  aggregates: AggregatesTable
  aggregate_hosts: { aggregate_id: number; host: string }
  aggregate_metadata: { aggregate_id: number; key: string; value: string }
  instance_groups: InstanceGroupsTable
  instance_group_member: { id: Generated<number>; group_id: number; instance_uuid: string }
  quotas: { project_id: string; resource: string; hard_limit: number }
  project_user_quotas: { project_id: string; user_id: string; resource: string; hard_limit: number }
  operations: OperationsTable
  migrations: MigrationsTable
  commands: CommandsTable
  archived_rows: ArchivedRowsTable
  quota_classes: { class_name: string; resource: string; hard_limit: number }
}

interface InstancesTable {
  id: Generated<number>
  uuid: string
  project_id: string
  user_id: string
  display_name: string
  display_description: string | null
  hostname: string
  vm_state: string
  task_state: string | null
  power_state: number
  progress: number
  host: string | null
  node: string | null
  launched_on: string | null
  availability_zone: string | null
  image_ref: string
  kernel_id: string
  ramdisk_id: string
  instance_type_id: number
  flavorid: string
  vcpus: number
  memory_mb: number
  root_gb: number
  ephemeral_gb: number
  flavor: Json
  key_name: string | null
  key_data: string | null
  user_data: string | null
  config_drive: Flag
  access_ip_v4: string | null
  access_ip_v6: string | null
  reservation_id: string
  launch_index: number
  metadata: Json
  system_metadata: Json
  tags: Json
  trusted_certs: Json | null
  locked: Flag
  locked_by: string | null
  locked_reason: string | null
  root_device_name: string | null
  auto_disk_config: Flag
  security_groups: Json
  network_info: Json
  /** The fixed addresses in `network_info`, one a line, for filters. */
  addresses_v4: string
  addresses_v6: string
  launched_at: number | null
  terminated_at: number | null
  created_at: number
  updated_at: number | null
  /** When it was last touched, created included: what `changes-since` compares with. */
  changed_at: number
  deleted_at: number | null
  deleted: Flag
}
export type InstanceRow = Selectable<InstancesTable>
export type NewInstanceRow = Insertable<InstancesTable>

interface InstanceFaultsTable {
  id: Generated<number>
  instance_uuid: string
  code: number
  message: string
  details: string | null
  host: string | null
  created_at: number
}

interface InstanceActionsTable {
  id: Generated<number>
  instance_uuid: string
  action: string
  request_id: string
  user_id: string
  project_id: string
  started_at: number
  finished_at: number | null
  message: string | null
  created_at: number
  updated_at: number
}

interface InstanceActionsEventsTable {
  id: Generated<number>
  action_id: number
  event: string
  host: string | null
  started_at: number
  finished_at: number | null
  result: string | null
  details: string | null
  traceback: string | null
}

interface BlockDeviceMappingTable {
  id: Generated<number>
  uuid: string
  instance_uuid: string
  source_type: string
  destination_type: string
  image_id: string | null
  volume_id: string | null
  snapshot_id: string | null
  device_name: string | null
  boot_index: number | null
  volume_size_gb: number | null
  guest_format: string | null
  disk_bus: string | null
  device_type: string | null
  delete_on_termination: Flag
  attachment_id: string | null
  volume_type: string | null
  tag: string | null
  created_at: number
  updated_at: number | null
}

interface ConsoleAuthTokensTable {
  id: Generated<number>
  /** SHA-256 of the token, in hex: who reads the table cannot open a console. */
  token_hash: string
  instance_uuid: string
  console_type: string
  access_url_base: string
  created_at: number
  expires_at: number
  used_at: number | null
}

interface FlavorsTable {
  id: Generated<number>
  flavorid: string
  name: string
  vcpus: number
  memory_mb: number
  root_gb: number
  ephemeral_gb: number
  swap_mb: number
  rxtx_factor: number
  is_public: Flag
  disabled: Flag
  description: string | null
  created_at: number
  updated_at: number | null
}

interface KeyPairsTable {
  id: Generated<number>
  user_id: string
  name: string
  type: string
  fingerprint: string
  public_key: string
  created_at: number
}

interface ArchivedRowsTable {
  id: Generated<number>
  table_name: string
  instance_uuid: string
  content: Json
  deleted_at: number
  archived_at: number
}

interface ServicesTable {
  id: Generated<number>
  uuid: string
  host: string
  binary: string
  topic: string
  version: number
  disabled: Flag
  disabled_reason: string | null
  forced_down: Flag
  last_seen_up_at: number | null
  created_at: number
  updated_at: number | null
  /** The host's own stored identity, and the process that speaks for the service. */
  identity: string | null
  process: string | null
}

interface ComputeNodesTable {
  id: Generated<number>
  uuid: string
  host: string
  hypervisor_hostname: string
  hypervisor_type: string
  hypervisor_version: number
  host_ip: string
  vcpus: number
  vcpus_used: number
  memory_mb: number
  memory_mb_used: number
  local_gb: number
  local_gb_used: number
  disk_available_least: number | null
  running_vms: number
  failed_builds: Generated<number>
  cpu_info: Json
  supported_instances: Json
  uptime_seconds: number | null
  cpu_allocation_ratio: number
  ram_allocation_ratio: number
  disk_allocation_ratio: number
  traits: Json
  created_at: number
  updated_at: number | null
}

interface AggregatesTable {
  id: Generated<number>
  uuid: string
  name: string
  created_at: number
  updated_at: number | null
}

interface InstanceGroupsTable {
  id: Generated<number>
  uuid: string
  name: string
  project_id: string
  user_id: string
  policy: string
  max_server_per_host: number | null
  created_at: number
}
