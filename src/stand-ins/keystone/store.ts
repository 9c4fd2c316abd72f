/** Keystone's rows: what tokens and nouns need to find, in a handful of queries. */
import type { Database } from '#db/kit/index.ts'
import { type Kysely, sql } from 'kysely'
import type { GroupRow, KeystoneDb, ProjectRow, RoleRow, UserRow } from './tables.ts'
import { ROOT_DOMAIN } from './tables.ts'

/** Where roles are held. */
export interface RoleTarget {
  readonly type: 'project' | 'domain' | 'system'
  /** `all` of the system. */
  readonly id: string
}

export interface Store {
  readonly database: Database
  readonly db: Kysely<KeystoneDb>
  findUser(id: string): Promise<UserRow | undefined>
  findUserByName(name: string, domainId: string): Promise<UserRow | undefined>
  /** A domain is not found as a project, nor a project as a domain. */
  findProject(id: string): Promise<ProjectRow | undefined>
  findProjectByName(name: string, domainId: string): Promise<ProjectRow | undefined>
  findDomain(id: string): Promise<ProjectRow | undefined>
  findDomainByName(name: string): Promise<ProjectRow | undefined>
  findGroup(id: string): Promise<GroupRow | undefined>
  findRole(id: string): Promise<RoleRow | undefined>
  /** The user's groups. */
  groupIdsOf(userId: string): Promise<string[]>
  /** The user's roles there, its groups' and implied ones included. */
  rolesOf(userId: string, target: RoleTarget): Promise<RoleRow[]>
  /** Where the user has any role, its groups' included. */
  targetsOf(userId: string): Promise<RoleTarget[]>
  /** The roles and all that they imply. */
  withImplied(roleIds: readonly string[]): Promise<RoleRow[]>
}

/** Keystone on MySQL tells no upper case from lower, and clients rely on it: many an openrc says `default` for `Default`. */
const named = (name: string) => sql<boolean>`lower(name) = lower(${name})`
/** Of names that differ in case alone, the one as it was written is meant. */
const exactly = (name: string) => sql<boolean>`name = ${name}`

export function createStore(database: Database): Store {
  const db = database.typed<KeystoneDb>()
  const projects = (isDomain: boolean) =>
    db
      .selectFrom('keystone_project')
      .selectAll()
      .where('is_domain', '=', isDomain ? 1 : 0)

  const groupIdsOf = async (userId: string): Promise<string[]> => {
    const rows = await db
      .selectFrom('keystone_membership')
      .select('group_id')
      .where('user_id', '=', userId)
      .execute()
    return rows.map((row) => row.group_id)
  }
  const assignmentsOf = async (userId: string) => {
    const groupIds = await groupIdsOf(userId)
    return db
      .selectFrom('keystone_assignment')
      .selectAll()
      .where((e) =>
        e.or([
          e.and([e('actor_type', '=', 'user'), e('actor_id', '=', userId)]),
          e.and([e('actor_type', '=', 'group'), e('actor_id', 'in', groupIds.length > 0 ? groupIds : [''])]),
        ]),
      )
      .execute()
  }
  const withImplied = async (roleIds: readonly string[]): Promise<RoleRow[]> => {
    if (roleIds.length === 0) return []
    const implied = await db.selectFrom('keystone_implied_role').selectAll().execute()
    const reached = new Set(roleIds)
    // A set's iteration also visits what is added on the way, so this follows chains and survives circles.
    for (const id of reached) {
      for (const edge of implied) if (edge.prior_id === id) reached.add(edge.implied_id)
    }
    const rows = await db
      .selectFrom('keystone_role')
      .selectAll()
      .where('id', 'in', [...reached])
      .execute()
    return rows.sort((a, b) => a.name.localeCompare(b.name))
  }

  return {
    database,
    db,
    findUser: (id) => db.selectFrom('keystone_user').selectAll().where('id', '=', id).executeTakeFirst(),
    findUserByName: (name, domainId) =>
      db
        .selectFrom('keystone_user')
        .selectAll()
        .where('domain_id', '=', domainId)
        .where(named(name))
        .orderBy(exactly(name), 'desc')
        .executeTakeFirst(),
    findProject: (id) => projects(false).where('id', '=', id).executeTakeFirst(),
    findProjectByName: (name, domainId) =>
      projects(false)
        .where('domain_id', '=', domainId)
        .where(named(name))
        .orderBy(exactly(name), 'desc')
        .executeTakeFirst(),
    findDomain: (id) => projects(true).where('id', '=', id).executeTakeFirst(),
    findDomainByName: (name) =>
      projects(true)
        .where('domain_id', '=', ROOT_DOMAIN)
        .where(named(name))
        .orderBy(exactly(name), 'desc')
        .executeTakeFirst(),
    findGroup: (id) => db.selectFrom('keystone_group').selectAll().where('id', '=', id).executeTakeFirst(),
    findRole: (id) => db.selectFrom('keystone_role').selectAll().where('id', '=', id).executeTakeFirst(),
    groupIdsOf,
    withImplied,
    async rolesOf(userId, target) {
      const held = (await assignmentsOf(userId)).filter(
        (row) => row.target_type === target.type && row.target_id === target.id,
      )
      return withImplied([...new Set(held.map((row) => row.role_id))])
    },
    async targetsOf(userId) {
      const targets = (await assignmentsOf(userId)).map(
        (row): RoleTarget => ({ type: row.target_type, id: row.target_id }),
      )
      return [...new Map(targets.map((target) => [`${target.type} ${target.id}`, target])).values()]
    },
  }
}
