/** Options of the HTTP APIs. */
import { group } from '../declaration.ts'

export const api = group('api', {
  auth_strategy: {
    type: 'string',
    default: 'keystone',
    choices: ['keystone', 'noauth2'],
    deprecatedNames: ['DEFAULT.auth_strategy'],
    help: 'Who says who callers are (placement-api): keystone, or, for tests only, the callers themselves.',
  },
  vendordata_providers: {
    type: 'list',
    default: ['StaticJSON'],
    choices: ['StaticJSON', 'DynamicJSON'],
    help: 'Providers of vendor data.',
  },
  vendordata_dynamic_targets: { type: 'list', default: [], help: 'Services asked for vendor data.' },
  vendordata_dynamic_connect_timeout: {
    type: 'int',
    default: 5,
    min: 3,
    help: 'Seconds to wait for a connection to a vendor data service.',
  },
  vendordata_dynamic_read_timeout: {
    type: 'int',
    default: 5,
    min: 0,
    help: "Seconds to wait for a vendor data service's answer.",
  },
  vendordata_dynamic_failure_fatal: { type: 'bool', default: false, help: 'Fail boot without vendor data.' },
  metadata_cache_expiration: { type: 'int', default: 15, min: 0, help: 'Seconds metadata is cached.' },
  dhcp_domain: { type: 'string', default: 'novalocal', help: 'Domain of guest host names.' },
  vendordata_jsonfile_path: { type: 'string', default: null, help: 'File with static vendor data.' },
  max_limit: { type: 'int', default: 1000, min: 0, help: 'Largest page of a list.' },
  compute_link_prefix: { type: 'string', default: null, help: 'Base URL in compute links.' },
  glance_link_prefix: { type: 'string', default: null, help: 'Base URL in image links.' },
  list_records_by_skipping_down_cells: {
    type: 'bool',
    default: true,
    help: 'List even when a cell is down.',
  },
  use_neutron_default_nets: { type: 'bool', default: false, help: 'Make default networks on demand.' },
  enable_instance_password: { type: 'bool', default: true, help: 'Return admin password at create.' },
  response_validation: {
    type: 'string',
    default: 'warn',
    choices: ['error', 'warn', 'ignore'],
    help: 'How to treat wrong responses.',
  },
})

export const wsgi = group('wsgi', {
  api_paste_config: {
    type: 'string',
    default: 'api-paste.ini',
    deprecatedNames: ['DEFAULT.api_paste_config'],
    help: 'Pipeline file of the API.',
  },
})

export const cors = group('cors', {
  allowed_origin: { type: 'list', default: [], help: 'Origins allowed by CORS.' },
  allow_credentials: { type: 'bool', default: true, help: 'Whether requests may carry credentials.' },
  expose_headers: {
    type: 'list',
    default: [
      'X-Auth-Token',
      'X-Openstack-Request-Id',
      'X-Subject-Token',
      'X-Service-Token',
      'OpenStack-API-Version',
    ],
    help: 'Headers of answers that scripts may read.',
  },
  max_age: { type: 'int', default: 3600, help: 'Seconds browsers may remember what is allowed.' },
  allow_methods: {
    type: 'list',
    default: ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'],
    help: 'Methods that scripts may use.',
  },
  allow_headers: {
    type: 'list',
    default: [
      'X-Auth-Token',
      'X-Openstack-Request-Id',
      'X-Identity-Status',
      'X-Roles',
      'X-Service-Catalog',
      'X-User-Id',
      'X-Tenant-Id',
      'OpenStack-API-Version',
    ],
    help: 'Headers that scripts may send.',
  },
})

export const osloMiddleware = group('oslo_middleware', {
  max_request_body_size: { type: 'int', default: 114688, help: 'Largest request body.' },
  enable_proxy_headers_parsing: { type: 'bool', default: false, help: 'Trust proxy headers.' },
})

export const osloPolicy = group('oslo_policy', {
  policy_file: { type: 'string', default: 'policy.yaml', help: 'File with policy overrides.' },
  policy_dirs: { type: 'multi', default: ['policy.d'], help: 'Folders with policy overrides.' },
  enforce_scope: { type: 'bool', default: true, help: 'Check token scope.' },
  enforce_new_defaults: { type: 'bool', default: true, help: 'Use only the new defaults.' },
})
