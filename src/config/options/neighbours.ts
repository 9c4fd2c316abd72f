/** Options of the services beside Nova: volumes, images, networks, Placement. */
import { group } from '../declaration.ts'

export const cinder = group('cinder', {
  catalog_info: {
    type: 'string',
    default: 'volumev3::publicURL',
    pattern: '^[\\w-]+:\\w*:.*$',
    help: 'Catalog entry of block storage.',
  },
  os_region_name: { type: 'string', default: null, help: 'Region of block storage.' },
  cross_az_attach: { type: 'bool', default: true, help: 'Allow volumes of another zone.' },
  auth_type: {
    type: 'string',
    default: null,
    deprecatedNames: ['cinder.auth_plugin'],
    help: 'Auth plugin for block storage.',
  },
  auth_url: { type: 'string', default: null, help: 'Identity URL for block storage.' },
  username: {
    type: 'string',
    default: null,
    deprecatedNames: ['cinder.user_name'],
    help: 'User for block storage.',
  },
  password: { type: 'string', default: null, secret: true, help: 'Password for block storage.' },
})

export const glance = group('glance', {
  num_retries: { type: 'int', default: 3, min: 0, help: 'Tries of image downloads.' },
  verify_glance_signatures: { type: 'bool', default: false, help: 'Check image signatures.' },
  cafile: { type: 'string', default: null, help: "File of authorities that sign the service's certificate." },
  insecure: { type: 'bool', default: false, help: "Do not verify the service's certificate." },
  timeout: { type: 'int', default: null, help: 'Seconds to wait for an answer.' },
  service_type: { type: 'string', default: 'image', help: 'Type of the service in the catalog.' },
  valid_interfaces: { type: 'list', default: ['internal', 'public'], help: 'Endpoint kinds to use.' },
  region_name: { type: 'string', default: null, help: 'Region of image service.' },
  endpoint_override: { type: 'string', default: null, help: 'Fixed URL of image service.' },
})

export const neutron = group('neutron', {
  default_floating_pool: { type: 'string', default: 'nova', help: 'Default floating address pool.' },
  http_retries: { type: 'int', default: 3, min: 0, help: 'Tries of network calls.' },
  service_metadata_proxy: { type: 'bool', default: false, help: 'Trust the metadata proxy.' },
  metadata_proxy_shared_secret: {
    type: 'string',
    default: '',
    secret: true,
    help: 'Secret shared with metadata proxy.',
  },
  cafile: { type: 'string', default: null, help: "File of authorities that sign the service's certificate." },
  insecure: { type: 'bool', default: false, help: "Do not verify the service's certificate." },
  timeout: { type: 'int', default: null, help: 'Seconds to wait for an answer.' },
  auth_type: {
    type: 'string',
    default: null,
    deprecatedNames: ['neutron.auth_plugin'],
    help: 'Auth plugin for network.',
  },
  auth_url: { type: 'string', default: null, help: 'Identity URL for network.' },
  project_name: {
    type: 'string',
    default: null,
    deprecatedNames: ['neutron.tenant_name'],
    help: 'Project for network.',
  },
  project_domain_name: { type: 'string', default: null, help: 'Project domain for network.' },
  username: {
    type: 'string',
    default: null,
    deprecatedNames: ['neutron.user_name'],
    help: 'User for network.',
  },
  user_domain_name: { type: 'string', default: null, help: 'User domain for network.' },
  password: { type: 'string', default: null, secret: true, help: 'Password for network.' },
  valid_interfaces: { type: 'list', default: ['internal', 'public'], help: 'Endpoint kinds to use.' },
  region_name: { type: 'string', default: null, help: 'Region of network service.' },
  endpoint_override: { type: 'string', default: null, help: 'Fixed URL of network service.' },
})

export const placement = group('placement', {
  cafile: { type: 'string', default: null, help: "File of authorities that sign the service's certificate." },
  insecure: { type: 'bool', default: false, help: "Do not verify the service's certificate." },
  timeout: { type: 'int', default: null, help: 'Seconds to wait for an answer.' },
  auth_type: {
    type: 'string',
    default: null,
    deprecatedNames: ['placement.auth_plugin'],
    help: 'Auth plugin for placement.',
  },
  auth_url: { type: 'string', default: null, help: 'Identity URL for placement.' },
  project_name: {
    type: 'string',
    default: null,
    deprecatedNames: ['placement.tenant_name'],
    help: 'Project for placement.',
  },
  project_domain_name: { type: 'string', default: null, help: 'Project domain for placement.' },
  username: {
    type: 'string',
    default: null,
    deprecatedNames: ['placement.user_name'],
    help: 'User for placement.',
  },
  user_domain_name: { type: 'string', default: null, help: 'User domain for placement.' },
  password: { type: 'string', default: null, secret: true, help: 'Password for placement.' },
  valid_interfaces: { type: 'list', default: ['internal', 'public'], help: 'Endpoint kinds to use.' },
  region_name: { type: 'string', default: null, help: 'Region of placement.' },
  endpoint_override: { type: 'string', default: null, help: 'Fixed URL of placement.' },
  incomplete_consumer_project_id: {
    type: 'string',
    default: '00000000-0000-0000-0000-000000000000',
    help: 'Of placement-api: the project of consumers that were written without one.',
  },
  incomplete_consumer_user_id: {
    type: 'string',
    default: '00000000-0000-0000-0000-000000000000',
    help: 'Of placement-api: the user of consumers that were written without one.',
  },
  randomize_allocation_candidates: {
    type: 'bool',
    default: false,
    help: 'Of placement-api: propose candidates in an order by chance.',
  },
})
