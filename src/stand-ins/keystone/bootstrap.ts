/** The first start: what a cloud needs before anybody can log in. Done again, it changes nothing that is there. */
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Transaction } from 'kysely'
import { hashSecret } from './secrets.ts'
import type { Store } from './store.ts'
import { type KeystoneDb, ROOT_DOMAIN } from './tables.ts'

export interface BootstrapUser {
  readonly name: string
  readonly password: string
  /** The project it belongs to, made when it is not there. */
  readonly project: string
  /** Role names in that project. */
  readonly roles: readonly string[]
  /** Role names in the whole system. */
  readonly systemRoles?: readonly string[]
}

export interface BootstrapService {
  readonly type: string
  readonly name: string
  /** `%(public_url)s` stands for the cloud's origin, `%(project_id)s` for the token's project. */
  readonly url: string
}

export interface BootstrapInput {
  readonly region: string
  readonly users: readonly BootstrapUser[]
  readonly services: readonly BootstrapService[]
}

interface Deps {
  readonly store: Store
  readonly ids: Ids
  readonly log: Log
}

/** Each role gives those after it; `service` stands alone. */
const ROLE_CHAIN = ['admin', 'manager', 'member', 'reader'] as const
const DEFAULT_DOMAIN = 'default'

/**
 * Makes the domain Default, the roles with their implications, projects, users and the catalog, as far
 * as they are missing. A user who is there keeps password and roles; a service that is there keeps its URLs.
 */
export async function bootstrap(deps: Deps, input: BootstrapInput): Promise<void> {
  const missingUsers = await usersMissing(deps.store, input)
  if (missingUsers.length === 0 && !(await servicesMissing(deps.store, input))) return
  // Before the transaction, which must not be held open for it; all at once, on the thread pool.
  const hashes = new Map(
    await Promise.all(
      missingUsers.map(async (user) => [user.name, await hashSecret(user.password)] as const),
    ),
  )
  await deps.store.database.transaction<KeystoneDb, void>(async (trx) => {
    const make = makerOf(trx, deps.ids)
    await make.domain()
    const roles = await make.roles()
    const projects = await make.projects(input.users.map((user) => user.project))
    for (const user of missingUsers) await make.user(user, hashes.get(user.name) ?? '', projects, roles)
    await make.catalog(input)
  })
  deps.log.info(
    { users: missingUsers.map((user) => user.name), services: input.services.map((service) => service.type) },
    'bootstrapped',
  )
}

async function usersMissing(store: Store, input: BootstrapInput): Promise<BootstrapUser[]> {
  const rows = await store.db
    .selectFrom('keystone_user')
    .select('name')
    .where('domain_id', '=', DEFAULT_DOMAIN)
    .execute()
  const there = new Set(rows.map((row) => row.name))
  return input.users.filter((user) => !there.has(user.name))
}

async function servicesMissing(store: Store, input: BootstrapInput): Promise<boolean> {
  const rows = await store.db.selectFrom('keystone_service').select('type').execute()
  return input.services.some((service) => !rows.some((row) => row.type === service.type))
}

type NameToId = ReadonlyMap<string, string>

function makerOf(trx: Transaction<KeystoneDb>, ids: Ids) {
  const newId = () => ids.uuid().replaceAll('-', '')
  const ignore = { enabled: 1, extra: '{}' }
  return {
    async domain() {
      const row = {
        id: DEFAULT_DOMAIN,
        name: 'Default',
        domain_id: ROOT_DOMAIN,
        parent_id: null,
        is_domain: 1,
        description: 'The default domain',
        ...ignore,
      }
      await trx
        .insertInto('keystone_project')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    async roles(): Promise<NameToId> {
      for (const name of [...ROLE_CHAIN, 'service']) {
        const row = { id: newId(), name, description: null, extra: '{}' }
        await trx
          .insertInto('keystone_role')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      const all = await trx.selectFrom('keystone_role').select(['id', 'name']).execute()
      const roles = new Map(all.map((row) => [row.name, row.id]))
      for (const [index, prior] of ROLE_CHAIN.slice(0, -1).entries()) {
        const edge = {
          prior_id: roles.get(prior) ?? '',
          implied_id: roles.get(ROLE_CHAIN[index + 1] ?? '') ?? '',
        }
        await trx
          .insertInto('keystone_implied_role')
          .values(edge)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      return roles
    },
    async projects(names: readonly string[]): Promise<NameToId> {
      for (const name of new Set(names)) {
        const row = {
          id: newId(),
          name,
          domain_id: DEFAULT_DOMAIN,
          parent_id: DEFAULT_DOMAIN,
          is_domain: 0,
          description: '',
          ...ignore,
        }
        await trx
          .insertInto('keystone_project')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      const all = await trx
        .selectFrom('keystone_project')
        .select(['id', 'name'])
        .where('domain_id', '=', DEFAULT_DOMAIN)
        .execute()
      return new Map(all.map((row) => [row.name, row.id]))
    },
    async user(user: BootstrapUser, hash: string, projects: NameToId, roles: NameToId) {
      const id = newId()
      await trx
        .insertInto('keystone_user')
        .values({
          id,
          domain_id: DEFAULT_DOMAIN,
          name: user.name,
          default_project_id: null,
          password_hash: hash,
          tokens_valid_from: 0,
          ...ignore,
        })
        .execute()
      const grant = async (
        role: string,
        target: { target_type: 'project' | 'system'; target_id: string },
      ) => {
        const roleId = roles.get(role)
        if (roleId === undefined) throw new Error(`there is no role ${role} for the user ${user.name}`)
        await trx
          .insertInto('keystone_assignment')
          .values({ actor_type: 'user', actor_id: id, role_id: roleId, ...target })
          .execute()
      }
      for (const role of user.roles)
        await grant(role, { target_type: 'project', target_id: projects.get(user.project) ?? '' })
      for (const role of user.systemRoles ?? [])
        await grant(role, { target_type: 'system', target_id: 'all' })
    },
    async catalog(input: BootstrapInput) {
      const region = { id: input.region, description: '', parent_region_id: null, extra: '{}' }
      await trx
        .insertInto('keystone_region')
        .values(region)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const there = await trx.selectFrom('keystone_service').select('type').execute()
      for (const { type, name, url } of input.services) {
        if (there.some((row) => row.type === type)) continue
        const serviceId = newId()
        await trx
          .insertInto('keystone_service')
          .values({ id: serviceId, type, name, description: null, ...ignore })
          .execute()
        for (const interfaceName of ['public', 'internal', 'admin']) {
          await trx
            .insertInto('keystone_endpoint')
            .values({
              id: newId(),
              service_id: serviceId,
              region_id: input.region,
              interface: interfaceName,
              url,
              ...ignore,
            })
            .execute()
        }
      }
    },
  }
}
