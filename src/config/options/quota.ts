/** Options of quotas. */
import { group } from '../declaration.ts'

export const quota = group('quota', {
  instances: {
    type: 'int',
    default: 10,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_instances'],
    help: 'Servers per project.',
  },
  cores: {
    type: 'int',
    default: 20,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_cores'],
    help: 'CPUs per project.',
  },
  ram: {
    type: 'int',
    default: 51200,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_ram'],
    help: 'Memory in MB per project.',
  },
  metadata_items: {
    type: 'int',
    default: 128,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_metadata_items'],
    help: 'Metadata items per server.',
  },
  injected_files: {
    type: 'int',
    default: 5,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_injected_files'],
    help: 'Injected files per server.',
  },
  injected_file_content_bytes: {
    type: 'int',
    default: 10240,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_injected_file_content_bytes'],
    help: 'Bytes per injected file.',
  },
  injected_file_path_length: {
    type: 'int',
    default: 255,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_injected_file_path_length'],
    help: 'Longest path of an injected file.',
  },
  key_pairs: {
    type: 'int',
    default: 100,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_key_pairs'],
    help: 'Key pairs per user.',
  },
  server_groups: {
    type: 'int',
    default: 10,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_server_groups'],
    help: 'Server groups per project.',
  },
  server_group_members: {
    type: 'int',
    default: 10,
    min: -1,
    deprecatedNames: ['DEFAULT.quota_server_group_members'],
    help: 'Servers per group.',
  },
  driver: {
    type: 'string',
    default: 'nova.quota.DbQuotaDriver',
    choices: ['nova.quota.DbQuotaDriver', 'nova.quota.NoopQuotaDriver', 'nova.quota.UnifiedLimitsDriver'],
    help: 'Where limits come from.',
  },
  unified_limits_resource_strategy: {
    type: 'string',
    default: 'require',
    choices: ['require', 'ignore'],
    help: 'Of resources without a registered limit: those listed are limited to 0, or those not listed are.',
  },
  unified_limits_resource_list: {
    type: 'list',
    default: ['servers'],
    help: 'Resources by their names in Keystone, for the strategy.',
  },
  recheck_quota: { type: 'bool', default: true, help: 'Check again after the write.' },
  count_usage_from_placement: { type: 'bool', default: false, help: 'Count cores and memory in placement.' },
})

export const osloLimit = group('oslo_limit', {
  endpoint_id: { type: 'string', default: null, help: 'Endpoint that owns unified limits.' },
})
