/** The first tables of Nova: instances and what hangs on them, flavors, key pairs, hosts, aggregates, quotas. */
import { assumeStatistics, type ColumnTypes, columnTypes, createAll, type Migration } from '#db/kit/index.ts'

const instances = ({ id, int, text, end }: ColumnTypes): string[] => [
  `create table instances (
    id ${id},
    uuid ${text} not null unique,
    project_id ${text} not null,
    user_id ${text} not null,
    display_name ${text} not null,
    display_description ${text},
    hostname ${text} not null,
    vm_state ${text} not null,
    task_state ${text},
    power_state ${int} not null,
    progress ${int} not null,
    host ${text},
    node ${text},
    launched_on ${text},
    availability_zone ${text},
    image_ref ${text} not null,
    kernel_id ${text} not null,
    ramdisk_id ${text} not null,
    instance_type_id ${int} not null,
    flavorid ${text} not null,
    vcpus ${int} not null,
    memory_mb ${int} not null,
    root_gb ${int} not null,
    ephemeral_gb ${int} not null,
    flavor ${text} not null,
    key_name ${text},
    key_data ${text},
    user_data ${text},
    config_drive ${int} not null,
    access_ip_v4 ${text},
    access_ip_v6 ${text},
    reservation_id ${text} not null,
    launch_index ${int} not null,
    metadata ${text} not null,
    system_metadata ${text} not null,
    tags ${text} not null,
    trusted_certs ${text},
    locked ${int} not null,
    locked_by ${text},
    locked_reason ${text},
    root_device_name ${text},
    auto_disk_config ${int} not null,
    security_groups ${text} not null,
    network_info ${text} not null,
    addresses_v4 ${text} not null,
    addresses_v6 ${text} not null,
    launched_at ${int},
    terminated_at ${int},
    created_at ${int} not null,
    updated_at ${int},
    changed_at ${int} not null,
    deleted_at ${int},
    deleted ${int} not null
  ) ${end}`,
  'create index instances_by_project on instances (project_id, deleted, created_at, id)',
  'create index instances_by_age on instances (deleted, created_at, id)',
  'create index instances_by_host on instances (host, deleted, created_at, id)',
  'create index instances_by_change on instances (changed_at)',
  'create index instances_by_project_change on instances (project_id, changed_at)',
  'create index instances_by_reservation on instances (reservation_id)',
  'create index instances_by_user on instances (user_id, deleted, created_at, id)',
  // What quotas count is read from this index alone.
  'create index instances_usage on instances (project_id, deleted, user_id, vm_state, vcpus, memory_mb)',
  'create index instances_busy on instances (task_state, host) where deleted = 0 and task_state is not null',
  `create table instance_metadata (
    instance_uuid ${text} not null, key ${text} not null, value ${text} not null,
    primary key (instance_uuid, key)
  ) ${end}`,
  'create index instance_metadata_by_value on instance_metadata (key, value)',
  `create table instance_tags (
    instance_uuid ${text} not null, tag ${text} not null,
    primary key (instance_uuid, tag)
  ) ${end}`,
  'create index instance_tags_by_tag on instance_tags (tag)',
]

const instanceHistory = ({ id, int, text, end }: ColumnTypes): string[] => [
  `create table instance_faults (
    id ${id}, instance_uuid ${text} not null, code ${int} not null, message ${text} not null,
    details ${text}, host ${text}, created_at ${int} not null
  ) ${end}`,
  'create index instance_faults_by_instance on instance_faults (instance_uuid, id)',
  `create table instance_actions (
    id ${id}, instance_uuid ${text} not null, action ${text} not null, request_id ${text} not null,
    user_id ${text} not null, project_id ${text} not null, started_at ${int} not null, finished_at ${int},
    message ${text}, created_at ${int} not null, updated_at ${int} not null
  ) ${end}`,
  'create index instance_actions_by_instance on instance_actions (instance_uuid, created_at, id)',
  'create index instance_actions_by_request on instance_actions (request_id, instance_uuid)',
  `create table instance_actions_events (
    id ${id}, action_id ${int} not null references instance_actions (id) on delete cascade,
    event ${text} not null, host ${text}, started_at ${int} not null, finished_at ${int},
    result ${text}, details ${text}, traceback ${text}
  ) ${end}`,
  'create index instance_actions_events_by_action on instance_actions_events (action_id)',
  `create table block_device_mapping (
    id ${id}, uuid ${text} not null unique, instance_uuid ${text} not null,
    source_type ${text} not null, destination_type ${text} not null,
    image_id ${text}, volume_id ${text}, snapshot_id ${text}, device_name ${text}, boot_index ${int},
    volume_size_gb ${int}, guest_format ${text}, disk_bus ${text}, device_type ${text},
    delete_on_termination ${int} not null, attachment_id ${text}, tag ${text},
    created_at ${int} not null, updated_at ${int}
  ) ${end}`,
  'create index block_device_mapping_by_instance on block_device_mapping (instance_uuid)',
  'create index block_device_mapping_by_volume on block_device_mapping (volume_id)',
  `create table console_auth_tokens (
    id ${id}, token_hash ${text} not null unique, instance_uuid ${text} not null, console_type ${text} not null,
    access_url_base ${text} not null, created_at ${int} not null, expires_at ${int} not null, used_at ${int}
  ) ${end}`,
  'create index console_auth_tokens_by_instance on console_auth_tokens (instance_uuid)',
  'create index console_auth_tokens_by_end on console_auth_tokens (expires_at)',
]

const flavorsAndKeys = ({ id, int, real, text, end }: ColumnTypes): string[] => [
  `create table flavors (
    id ${id}, flavorid ${text} not null unique, name ${text} not null unique, vcpus ${int} not null,
    memory_mb ${int} not null, root_gb ${int} not null, ephemeral_gb ${int} not null, swap_mb ${int} not null,
    rxtx_factor ${real} not null, is_public ${int} not null, disabled ${int} not null, description ${text},
    created_at ${int} not null, updated_at ${int}
  ) ${end}`,
  `create table flavor_extra_specs (
    flavor_id ${int} not null references flavors (id) on delete cascade, key ${text} not null, value ${text} not null,
    primary key (flavor_id, key)
  ) ${end}`,
  `create table flavor_projects (
    flavor_id ${int} not null references flavors (id) on delete cascade, project_id ${text} not null,
    primary key (flavor_id, project_id)
  ) ${end}`,
  'create index flavor_projects_by_project on flavor_projects (project_id)',
  `create table key_pairs (
    id ${id}, user_id ${text} not null, name ${text} not null, type ${text} not null, fingerprint ${text} not null,
    public_key ${text} not null, created_at ${int} not null,
    unique (user_id, name)
  ) ${end}`,
]

const hosts = ({ id, int, real, text, end }: ColumnTypes): string[] => [
  `create table services (
    id ${id}, uuid ${text} not null unique, host ${text} not null, "binary" ${text} not null, topic ${text} not null,
    version ${int} not null, disabled ${int} not null, disabled_reason ${text}, forced_down ${int} not null,
    last_seen_up_at ${int}, created_at ${int} not null, updated_at ${int},
    unique (host, "binary")
  ) ${end}`,
  `create table compute_nodes (
    id ${id}, uuid ${text} not null unique, host ${text} not null, hypervisor_hostname ${text} not null,
    hypervisor_type ${text} not null, hypervisor_version ${int} not null, host_ip ${text} not null,
    vcpus ${int} not null, vcpus_used ${int} not null, memory_mb ${int} not null, memory_mb_used ${int} not null,
    local_gb ${int} not null, local_gb_used ${int} not null, disk_available_least ${int}, running_vms ${int} not null,
    cpu_info ${text} not null, supported_instances ${text} not null, uptime_seconds ${int},
    cpu_allocation_ratio ${real} not null, ram_allocation_ratio ${real} not null, disk_allocation_ratio ${real} not null,
    traits ${text} not null, created_at ${int} not null, updated_at ${int},
    unique (host, hypervisor_hostname)
  ) ${end}`,
  `create table aggregates (
    id ${id}, uuid ${text} not null unique, name ${text} not null unique, created_at ${int} not null, updated_at ${int}
  ) ${end}`,
  `create table aggregate_hosts (
    aggregate_id ${int} not null references aggregates (id) on delete cascade, host ${text} not null,
    primary key (aggregate_id, host)
  ) ${end}`,
  'create index aggregate_hosts_by_host on aggregate_hosts (host)',
  `create table aggregate_metadata (
    aggregate_id ${int} not null references aggregates (id) on delete cascade, key ${text} not null,
    value ${text} not null,
    primary key (aggregate_id, key)
  ) ${end}`,
]

const quotas = ({ int, text, end }: ColumnTypes): string[] => [
  `create table quotas (
    project_id ${text} not null, resource ${text} not null, hard_limit ${int} not null,
    primary key (project_id, resource)
  ) ${end}`,
  `create table project_user_quotas (
    project_id ${text} not null, user_id ${text} not null, resource ${text} not null, hard_limit ${int} not null,
    primary key (project_id, user_id, resource)
  ) ${end}`,
  `create table quota_classes (
    class_name ${text} not null, resource ${text} not null, hard_limit ${int} not null,
    primary key (class_name, resource)
  ) ${end}`,
]

/** 100,000 instances of 50 projects, half of them deleted, on 500 hosts. */
const LARGE_INSTANCES = {
  sqlite_autoindex_instances_1: [100_000, 1],
  instances_by_project: [100_000, 2000, 1000, 2, 1],
  instances_by_age: [100_000, 50_000, 2, 1],
  instances_by_host: [100_000, 200, 100, 2, 1],
  instances_by_change: [100_000, 2],
  instances_by_project_change: [100_000, 2000, 2],
  instances_by_reservation: [100_000, 2],
  instances_by_user: [100_000, 2000, 1000, 2, 1],
  instances_usage: [100_000, 2000, 1000, 500, 250, 100, 50],
  instances_busy: [1000, 100, 5],
}
const LARGE_TAGS = {
  sqlite_autoindex_instance_tags_1: [100_000, 3, 1],
  instance_tags_by_tag: [100_000, 1000],
}
const LARGE_METADATA = {
  sqlite_autoindex_instance_metadata_1: [100_000, 3, 1],
  instance_metadata_by_value: [100_000, 5000, 100],
}

export const nova: Migration = {
  version: 1,
  name: 'nova',
  up: async (db, dialect) => {
    const types = columnTypes(dialect)
    const tables = [instances, instanceHistory, flavorsAndKeys, hosts, quotas]
    await createAll(
      db,
      tables.flatMap((tablesOf) => tablesOf(types)),
    )
    await assumeStatistics(db, dialect, 'instances', LARGE_INSTANCES)
    await assumeStatistics(db, dialect, 'instance_tags', LARGE_TAGS)
    await assumeStatistics(db, dialect, 'instance_metadata', LARGE_METADATA)
  },
}
