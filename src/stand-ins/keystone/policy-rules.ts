/** Who may do what in Keystone, as rules in oslo.policy's language. Targets: the thing's `domain_id`, `user_id`, `project_id`. */
import type { Rule } from '#policy/index.ts'

const declare = (name: string, check: string): Rule => ({ name, check, scopeTypes: null, operations: [] })

const ADMIN = 'rule:admin_required'
const SYSTEM_READER = 'rule:system_reader'
const DOMAIN_READER = 'rule:domain_reader'
const SELF = 'user_id:%(user_id)s'

/** Reading, then writing, of the nouns that have the five everyday actions. */
const NOUNS: readonly (readonly [one: string, many: string, read: string, list: string])[] = [
  ['user', 'users', `${DOMAIN_READER} or ${SELF}`, DOMAIN_READER],
  ['project', 'projects', `${DOMAIN_READER} or project_id:%(project_id)s`, DOMAIN_READER],
  [
    'domain',
    'domains',
    `${SYSTEM_READER} or domain_id:%(id)s or user_domain_id:%(id)s or project_domain_id:%(id)s`,
    SYSTEM_READER,
  ],
  ['group', 'groups', DOMAIN_READER, DOMAIN_READER],
  ['role', 'roles', SYSTEM_READER, SYSTEM_READER],
  ['region', 'regions', '@', '@'],
  ['service', 'services', SYSTEM_READER, SYSTEM_READER],
  ['endpoint', 'endpoints', SYSTEM_READER, SYSTEM_READER],
]

export const keystoneRules: readonly Rule[] = [
  declare('admin_required', 'role:admin'),
  declare('system_reader', `${ADMIN} or (role:reader and system_scope:all)`),
  declare('domain_reader', `${SYSTEM_READER} or (role:reader and domain_id:%(domain_id)s)`),
  ...NOUNS.flatMap(([one, many, read, list]) => [
    declare(`identity:list_${many}`, list),
    declare(`identity:get_${one}`, read),
    declare(`identity:create_${one}`, ADMIN),
    declare(`identity:update_${one}`, ADMIN),
    declare(`identity:delete_${one}`, ADMIN),
  ]),
  declare('identity:list_limits', SYSTEM_READER),
  ...['registered_limit', 'limit'].flatMap((one) => [
    declare(`identity:create_${one}s`, ADMIN),
    declare(`identity:update_${one}`, ADMIN),
    declare(`identity:delete_${one}`, ADMIN),
  ]),
  declare('identity:list_user_projects', `${DOMAIN_READER} or ${SELF}`),
  declare('identity:list_groups_for_user', `${DOMAIN_READER} or ${SELF}`),
  declare('identity:list_users_in_group', DOMAIN_READER),
  declare('identity:check_user_in_group', DOMAIN_READER),
  declare('identity:add_user_to_group', ADMIN),
  declare('identity:remove_user_from_group', ADMIN),
  declare('identity:list_role_assignments', DOMAIN_READER),
  declare('identity:list_grants', DOMAIN_READER),
  declare('identity:check_grant', DOMAIN_READER),
  declare('identity:create_grant', ADMIN),
  declare('identity:revoke_grant', ADMIN),
  declare('identity:list_implied_roles', SYSTEM_READER),
  declare('identity:create_implied_role', ADMIN),
  declare('identity:delete_implied_role', ADMIN),
  declare('identity:list_application_credentials', `${SYSTEM_READER} or ${SELF}`),
  declare('identity:get_application_credential', `${SYSTEM_READER} or ${SELF}`),
  declare('identity:create_application_credential', SELF),
  declare('identity:delete_application_credential', `${ADMIN} or ${SELF}`),
  declare('identity:validate_token', `${SYSTEM_READER} or role:service or ${SELF}`),
  declare('identity:check_token', `${SYSTEM_READER} or role:service or ${SELF}`),
  declare('identity:revoke_token', `${ADMIN} or ${SELF}`),
]
