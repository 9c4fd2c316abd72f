/** Options of Keystone and of what is done with its tokens. */
import { group } from '../declaration.ts'

export const keystoneAuthtoken = group('keystone_authtoken', {
  www_authenticate_uri: { type: 'string', default: null, help: 'Public identity URL.' },
  auth_url: { type: 'string', default: null, help: 'Identity URL.' },
  auth_type: { type: 'string', default: null, help: 'Auth plugin.' },
  username: { type: 'string', default: null, help: 'Service user.' },
  password: { type: 'string', default: null, secret: true, help: 'Service password.' },
  project_name: { type: 'string', default: null, help: 'Service project.' },
  user_domain_name: { type: 'string', default: null, help: 'Service user domain.' },
  project_domain_name: { type: 'string', default: null, help: 'Service project domain.' },
  memcached_servers: { type: 'list', default: [], help: 'Token cache servers.' },
  token_cache_time: {
    type: 'int',
    default: 300,
    min: -1,
    help: 'Seconds a validated token is believed; -1 believes none.',
  },
  service_token_roles: { type: 'list', default: ['service'], help: 'Roles that mark a service token.' },
  service_token_roles_required: { type: 'bool', default: false, help: 'Insist on those roles.' },
})

export const serviceUser = group('service_user', {
  send_service_user_token: { type: 'bool', default: false, help: 'Send a service token with calls.' },
  auth_type: {
    type: 'string',
    default: null,
    deprecatedNames: ['service_user.auth_plugin'],
    help: 'Auth plugin of service token.',
  },
  auth_url: { type: 'string', default: null, help: 'Identity URL of service token.' },
  project_name: {
    type: 'string',
    default: null,
    deprecatedNames: ['service_user.tenant_name'],
    help: 'Project of service token.',
  },
  username: {
    type: 'string',
    default: null,
    deprecatedNames: ['service_user.user_name'],
    help: 'User of service token.',
  },
  password: { type: 'string', default: null, secret: true, help: 'Password of service token.' },
})

export const keyManager = group('key_manager', {
  backend: {
    type: 'string',
    default: 'barbican',
    deprecatedNames: ['key_manager.api_class'],
    help: 'Key store driver.',
  },
})
