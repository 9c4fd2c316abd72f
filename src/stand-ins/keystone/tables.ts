/** Keystone's tables. Times are milliseconds since the epoch, flags 0 or 1, `extra` what callers made up, as JSON. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export interface ProjectRow {
  id: string
  name: string
  /** Of a domain: `ROOT_DOMAIN`. */
  domain_id: string
  parent_id: string | null
  is_domain: number
  enabled: number
  description: string | null
  extra: string
}

export interface UserRow {
  id: string
  domain_id: string
  name: string
  enabled: number
  default_project_id: string | null
  /** Null: no password opens it. */
  password_hash: string | null
  /** Tokens issued before this are void. */
  tokens_valid_from: number
  extra: string
}

export interface GroupRow {
  id: string
  domain_id: string
  name: string
  description: string | null
  extra: string
}

export interface RoleRow {
  id: string
  name: string
  description: string | null
  extra: string
}

export interface RegionRow {
  id: string
  description: string | null
  parent_region_id: string | null
  extra: string
}

export interface ServiceRow {
  id: string
  type: string
  name: string | null
  description: string | null
  enabled: number
  extra: string
}

export interface EndpointRow {
  id: string
  service_id: string
  region_id: string | null
  interface: string
  /** May hold `%(public_url)s` and `%(project_id)s`, filled in when a catalog is answered. */
  url: string
  enabled: number
  extra: string
}

export interface AssignmentRow {
  actor_type: 'user' | 'group'
  actor_id: string
  target_type: 'project' | 'domain' | 'system'
  /** `all` of the system. */
  target_id: string
  role_id: string
}

export interface ApplicationCredentialRow {
  id: string
  user_id: string
  project_id: string
  name: string
  description: string | null
  secret_hash: string
  /** JSON list of role ids. */
  role_ids: string
  expires_at: number | null
  unrestricted: number
}

/** A registered limit (of no project: the empty text) or a project's own. No region is the empty text. */
export interface LimitRow {
  id: string
  project_id: string
  service_id: string
  region_id: string
  resource_name: string
  amount: number
  description: string | null
}

export interface KeystoneDb {
  keystone_project: ProjectRow
  keystone_user: UserRow
  keystone_group: GroupRow
  keystone_membership: { group_id: string; user_id: string }
  keystone_role: RoleRow
  keystone_implied_role: { prior_id: string; implied_id: string }
  keystone_assignment: AssignmentRow
  keystone_region: RegionRow
  keystone_service: ServiceRow
  keystone_endpoint: EndpointRow
  keystone_application_credential: ApplicationCredentialRow
  keystone_limit: LimitRow
  keystone_revocation: { audit_id: string; expires_at: number }
  keystone_key: { name: string; value: string }
}

export const ROOT_DOMAIN = '<<keystone.domain.root>>'

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'tables',
    async up(db, dialect) {
      const { int, text, end } = columnTypes(dialect)
      const extra = `extra ${text} not null default '{}'`
      await createAll(db, [
        `create table keystone_project (id ${text} primary key, name ${text} not null, domain_id ${text} not null,
          parent_id ${text}, is_domain ${int} not null, enabled ${int} not null, description ${text}, ${extra},
          unique (domain_id, name)) ${end}`,
        `create table keystone_user (id ${text} primary key, domain_id ${text} not null, name ${text} not null,
          enabled ${int} not null, default_project_id ${text}, password_hash ${text},
          tokens_valid_from ${int} not null default 0, ${extra}, unique (domain_id, name)) ${end}`,
        `create table keystone_group (id ${text} primary key, domain_id ${text} not null, name ${text} not null,
          description ${text}, ${extra}, unique (domain_id, name)) ${end}`,
        `create table keystone_membership (group_id ${text} not null, user_id ${text} not null,
          primary key (user_id, group_id)) ${end}`,
        `create table keystone_role (id ${text} primary key, name ${text} not null unique, description ${text}, ${extra}) ${end}`,
        `create table keystone_implied_role (prior_id ${text} not null, implied_id ${text} not null,
          primary key (prior_id, implied_id)) ${end}`,
        `create table keystone_assignment (actor_type ${text} not null, actor_id ${text} not null,
          target_type ${text} not null, target_id ${text} not null, role_id ${text} not null,
          primary key (actor_id, actor_type, target_id, target_type, role_id)) ${end}`,
        `create table keystone_region (id ${text} primary key, description ${text},
          parent_region_id ${text}, ${extra}) ${end}`,
        `create table keystone_service (id ${text} primary key, type ${text} not null, name ${text},
          description ${text}, enabled ${int} not null, ${extra}) ${end}`,
        `create table keystone_endpoint (id ${text} primary key, service_id ${text} not null, region_id ${text},
          interface ${text} not null, url ${text} not null, enabled ${int} not null, ${extra}) ${end}`,
        `create table keystone_application_credential (id ${text} primary key, user_id ${text} not null,
          project_id ${text} not null, name ${text} not null, description ${text}, secret_hash ${text} not null,
          role_ids ${text} not null, expires_at ${int}, unrestricted ${int} not null, unique (user_id, name)) ${end}`,
        `create table keystone_revocation (audit_id ${text} primary key, expires_at ${int} not null) ${end}`,
        `create table keystone_key (name ${text} primary key, value ${text} not null) ${end}`,
      ])
    },
  },
  {
    version: 2,
    name: 'limits',
    async up(db, dialect) {
      const { int, text, end } = columnTypes(dialect)
      await createAll(db, [
        `create table keystone_limit (id ${text} primary key, project_id ${text} not null, service_id ${text} not null,
          region_id ${text} not null, resource_name ${text} not null, amount ${int} not null, description ${text},
          unique (project_id, service_id, region_id, resource_name)) ${end}`,
      ])
    },
  },
]
