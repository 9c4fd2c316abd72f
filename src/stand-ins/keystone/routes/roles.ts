/** Roles, what they imply, and who holds them where. */
import { forbidden } from '#lib/fault.ts'
import type { HttpReply, HttpRequest } from '#lib/http/index.ts'
import { longText, name, nullable } from '../body.ts'
import { missing } from '../faults.ts'
import { resource } from '../resource.ts'
import type { AssignmentRow, RoleRow } from '../tables.ts'
import { listOf, param, type Routes } from './context.ts'

export const roleResource = resource<RoleRow>({
  one: 'role',
  many: 'roles',
  table: 'keystone_role',
  columns: { name: name(), description: nullable(longText()) },
  required: ['name'],
  flags: [],
  filters: ['name'],
  always: () => ({ domain_id: null, options: {} }),
  target: () => ({}),
  async remove(trx, row) {
    await trx.deleteFrom('keystone_assignment').where('role_id', '=', row.id).execute()
    await trx
      .deleteFrom('keystone_implied_role')
      .where((e) => e.or([e('prior_id', '=', row.id), e('implied_id', '=', row.id)]))
      .execute()
  },
})

export function addRoleRoutes(routes: Routes): void {
  roleResource.add(routes)
  addImpliedRoutes(routes)
  for (const target of ['project', 'domain', 'system'] as const) {
    for (const actor of ['user', 'group'] as const) addGrantRoutes(routes, target, actor)
  }
}

async function roleNamed(routes: Routes, id: string): Promise<RoleRow> {
  const role = await routes.store.findRole(id)
  if (role === undefined) throw missing('role', id)
  return role
}

function addImpliedRoutes(routes: Routes): void {
  const { app, store } = routes
  const inference = (prior: RoleRow, implied: readonly RoleRow[]) => ({
    prior_role: roleResource.view(prior, routes),
    implies: implied.map((role) => roleResource.view(role, routes)),
  })
  const impliedBy = async (prior: RoleRow): Promise<RoleRow[]> =>
    store.db
      .selectFrom('keystone_implied_role')
      .innerJoin('keystone_role', 'keystone_role.id', 'keystone_implied_role.implied_id')
      .where('prior_id', '=', prior.id)
      .selectAll('keystone_role')
      .orderBy('keystone_role.name')
      .execute()

  app.get('/v3/role_inferences', async (request) => {
    const caller = await routes.caller(request)
    caller.enforce('identity:list_implied_roles')
    const roles = await store.db.selectFrom('keystone_role').selectAll().orderBy('name').execute()
    const all = await Promise.all(roles.map(async (role) => ({ role, implied: await impliedBy(role) })))
    const some = all.filter(({ implied }) => implied.length > 0)
    return { role_inferences: some.map(({ role, implied }) => inference(role, implied)) }
  })
  app.get('/v3/roles/:id/implies', async (request) => {
    const caller = await routes.caller(request)
    caller.enforce('identity:list_implied_roles')
    const prior = await roleNamed(routes, param(request, 'id'))
    return { role_inference: inference(prior, await impliedBy(prior)) }
  })
  app.put('/v3/roles/:id/implies/:impliedId', async (request, reply) => {
    const caller = await routes.caller(request)
    caller.enforce('identity:create_implied_role')
    const prior = await roleNamed(routes, param(request, 'id'))
    const implied = await roleNamed(routes, param(request, 'impliedId'))
    // Keystone's own rule: nothing may imply the role that may do all.
    if (implied.name === 'admin') throw forbidden(`${implied.name} cannot be an implied roles`)
    await store.db
      .insertInto('keystone_implied_role')
      .values({ prior_id: prior.id, implied_id: implied.id })
      .onConflict((conflict) => conflict.columns(['prior_id', 'implied_id']).doNothing())
      .execute()
    const view = { prior_role: roleResource.view(prior, routes), implies: roleResource.view(implied, routes) }
    return reply.code(201).send({ role_inference: view })
  })
  app.delete('/v3/roles/:id/implies/:impliedId', async (request, reply) => {
    const caller = await routes.caller(request)
    caller.enforce('identity:delete_implied_role')
    const { numDeletedRows } = await store.db
      .deleteFrom('keystone_implied_role')
      .where('prior_id', '=', param(request, 'id'))
      .where('implied_id', '=', param(request, 'impliedId'))
      .executeTakeFirst()
    if (numDeletedRows === 0n) throw missing('implied role', param(request, 'impliedId'))
    return reply.code(204).send()
  })
}

type Target = AssignmentRow['target_type']
type Actor = AssignmentRow['actor_type']

/** `/projects/P/users/U/roles/R` and its kin: put, check, list, take away. */
function addGrantRoutes(routes: Routes, target: Target, actor: Actor): void {
  const { app, store } = routes
  const prefix = target === 'system' ? '/v3/system' : `/v3/${target}s/:targetId`
  const collection = `${prefix}/${actor}s/:actorId/roles`

  const grantFor = async (request: HttpRequest, action: string): Promise<Omit<AssignmentRow, 'role_id'>> => {
    const caller = await routes.caller(request)
    const targetId = target === 'system' ? 'all' : param(request, 'targetId')
    const [targetDomain, actorDomain] = await Promise.all([
      domainOf(routes, target, targetId),
      domainOfActor(routes, actor, param(request, 'actorId')),
    ])
    // A domain's reader may look when both ends are in its domain.
    caller.enforce(
      action,
      targetDomain !== undefined && targetDomain === actorDomain ? { domain_id: targetDomain } : {},
    )
    if (targetDomain === undefined) throw missing(target, targetId)
    if (actorDomain === undefined && action !== 'identity:revoke_grant')
      throw missing(actor, param(request, 'actorId'))
    return {
      actor_type: actor,
      actor_id: param(request, 'actorId'),
      target_type: target,
      target_id: targetId,
    }
  }
  const rowsOf = (grant: Omit<AssignmentRow, 'role_id'>) =>
    store.db
      .selectFrom('keystone_assignment')
      .where('actor_type', '=', grant.actor_type)
      .where('actor_id', '=', grant.actor_id)
      .where('target_type', '=', grant.target_type)
      .where('target_id', '=', grant.target_id)

  app.get(collection, async (request) => {
    const grant = await grantFor(request, 'identity:list_grants')
    const roles = await rowsOf(grant)
      .innerJoin('keystone_role', 'keystone_role.id', 'keystone_assignment.role_id')
      .selectAll('keystone_role')
      .orderBy('keystone_role.name')
      .execute()
    return listOf(
      routes,
      request,
      'roles',
      roles.map((role) => roleResource.view(role, routes)),
    )
  })
  app.put(`${collection}/:roleId`, async (request, reply) => {
    const grant = await grantFor(request, 'identity:create_grant')
    const role = await roleNamed(routes, param(request, 'roleId'))
    await store.db
      .insertInto('keystone_assignment')
      .values({ ...grant, role_id: role.id })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return reply.code(204).send()
  })
  const check = async (request: HttpRequest, reply: HttpReply) => {
    const grant = await grantFor(request, 'identity:check_grant')
    const found = await rowsOf(grant)
      .select('role_id')
      .where('role_id', '=', param(request, 'roleId'))
      .executeTakeFirst()
    if (found === undefined) throw missing('role assignment with role', param(request, 'roleId'))
    return reply.code(204).send()
  }
  app.head(`${collection}/:roleId`, check)
  app.get(`${collection}/:roleId`, check)
  app.delete(`${collection}/:roleId`, async (request, reply) => {
    const grant = await grantFor(request, 'identity:revoke_grant')
    const { numDeletedRows } = await store.db
      .deleteFrom('keystone_assignment')
      .where('actor_type', '=', grant.actor_type)
      .where('actor_id', '=', grant.actor_id)
      .where('target_type', '=', grant.target_type)
      .where('target_id', '=', grant.target_id)
      .where('role_id', '=', param(request, 'roleId'))
      .executeTakeFirst()
    if (numDeletedRows === 0n) throw missing('role assignment with role', param(request, 'roleId'))
    return reply.code(204).send()
  })
}

/** The domain a target is in, undefined when there is no such target. The system is in none, but it is there. */
async function domainOf({ store }: Routes, target: Target, id: string): Promise<string | undefined> {
  if (target === 'system') return ''
  return target === 'project' ? (await store.findProject(id))?.domain_id : (await store.findDomain(id))?.id
}

const domainOfActor = async ({ store }: Routes, actor: Actor, id: string): Promise<string | undefined> =>
  (actor === 'user' ? await store.findUser(id) : await store.findGroup(id))?.domain_id
