/** Users, their passwords and projects; groups and their members. */
import { Type } from '@sinclair/typebox'
import { longText, name, nullable, optional, readBody, text } from '../body.ts'
import { missing, unauthorized } from '../faults.ts'
import { resource, textOf } from '../resource.ts'
import { hashSecret, isSecret } from '../secrets.ts'
import type { GroupRow, UserRow } from '../tables.ts'
import { projectsOf } from './auth.ts'
import { listOf, param, type Routes } from './context.ts'
import { refuseChange } from './projects.ts'

const DEFAULT_DOMAIN = 'default'
const password = () => Type.String({ minLength: 1, maxLength: 4096 })

export const userResource = resource<UserRow>({
  one: 'user',
  many: 'users',
  table: 'keystone_user',
  columns: {
    name: name(),
    domain_id: text(64),
    enabled: Type.Boolean(),
    default_project_id: nullable(text(64)),
  },
  required: ['name'],
  hidden: {
    password: nullable(password()),
    options: Type.Object({}),
    original_password: nullable(password()),
  },
  flags: ['enabled'],
  filters: ['name', 'domain_id', 'enabled'],
  unshown: ['password_hash', 'tokens_valid_from'],
  always: () => ({ options: {}, password_expires_at: null }),
  target: (row) => ({ domain_id: row.domain_id, user_id: row.id }),
  async prepare(sent, before, { store, clock }, caller) {
    const hash = typeof sent.password === 'string' ? { password_hash: await hashSecret(sent.password) } : {}
    if (before !== undefined) {
      refuseChange(before, sent, ['domain_id'])
      // A new password and a closed door end the tokens of before.
      const ends = sent.password !== undefined || sent.enabled === false
      return { ...hash, ...(ends && { tokens_valid_from: clock.now() }) }
    }
    const domainId = textOf(sent.domain_id) ?? caller.context.domainId ?? DEFAULT_DOMAIN
    if ((await store.findDomain(domainId)) === undefined) throw missing('domain', domainId)
    return { ...hash, domain_id: domainId, enabled: Number(sent.enabled ?? true) }
  },
  async remove(trx, row) {
    await trx
      .deleteFrom('keystone_assignment')
      .where('actor_type', '=', 'user')
      .where('actor_id', '=', row.id)
      .execute()
    await trx.deleteFrom('keystone_membership').where('user_id', '=', row.id).execute()
    await trx.deleteFrom('keystone_application_credential').where('user_id', '=', row.id).execute()
  },
})

export const groupResource = resource<GroupRow>({
  one: 'group',
  many: 'groups',
  table: 'keystone_group',
  columns: { name: name(64), domain_id: text(64), description: nullable(longText()) },
  required: ['name'],
  flags: [],
  filters: ['name', 'domain_id'],
  target: (row) => ({ domain_id: row.domain_id }),
  async prepare(sent, before, { store }, caller) {
    if (before !== undefined) {
      refuseChange(before, sent, ['domain_id'])
      return {}
    }
    const domainId = textOf(sent.domain_id) ?? caller.context.domainId ?? DEFAULT_DOMAIN
    if ((await store.findDomain(domainId)) === undefined) throw missing('domain', domainId)
    return { domain_id: domainId, description: textOf(sent.description) ?? '' }
  },
  async remove(trx, row) {
    await trx
      .deleteFrom('keystone_assignment')
      .where('actor_type', '=', 'group')
      .where('actor_id', '=', row.id)
      .execute()
    await trx.deleteFrom('keystone_membership').where('group_id', '=', row.id).execute()
  },
})

const PasswordChange = Type.Object({
  user: Type.Object({ password: password(), original_password: optional(password()) }),
})

export function addUserRoutes(routes: Routes): void {
  userResource.add(routes)
  groupResource.add(routes)
  const { app, store, clock } = routes

  // Needs no token: the old password is the proof, and a user whose token ran out may still change it.
  app.post('/v3/users/:id/password', async (request, reply) => {
    const { user: sent } = readBody(PasswordChange, request.body)
    const user = await store.findUser(param(request, 'id'))
    const right = await isSecret(sent.original_password ?? '', user?.password_hash)
    if (!right || user?.enabled !== 1) throw unauthorized()
    const changed = { password_hash: await hashSecret(sent.password), tokens_valid_from: clock.now() }
    await store.db.updateTable('keystone_user').set(changed).where('id', '=', user.id).execute()
    return reply.code(204).send()
  })

  app.get('/v3/users/:id/projects', async (request) => {
    const user = await userFor(routes, request, 'identity:list_user_projects')
    return listOf(routes, request, 'projects', await projectsOf(routes, user.id))
  })
  app.get('/v3/users/:id/groups', async (request) => {
    const user = await userFor(routes, request, 'identity:list_groups_for_user')
    const groups = await Promise.all((await store.groupIdsOf(user.id)).map((id) => store.findGroup(id)))
    return listOf(
      routes,
      request,
      'groups',
      groups.flatMap((group) => (group ? [groupResource.view(group, routes)] : [])),
    )
  })
  addMembershipRoutes(routes)
}

/** The user of the path, when the caller may ask that of it. */
async function userFor(
  routes: Routes,
  request: Parameters<Routes['caller']>[0],
  action: string,
): Promise<UserRow> {
  const caller = await routes.caller(request)
  const id = param(request, 'id')
  const user = await routes.store.findUser(id)
  caller.enforce(action, { user_id: id, ...(user && { domain_id: user.domain_id }) })
  if (user === undefined) throw missing('user', id)
  return user
}

function addMembershipRoutes(routes: Routes): void {
  const { app, store } = routes
  const groupFor = async (request: Parameters<Routes['caller']>[0], action: string): Promise<GroupRow> => {
    const caller = await routes.caller(request)
    const group = await store.findGroup(param(request, 'id'))
    caller.enforce(action, group && { domain_id: group.domain_id })
    if (group === undefined) throw missing('group', param(request, 'id'))
    return group
  }
  const membership = (groupId: string, userId: string) =>
    store.db
      .selectFrom('keystone_membership')
      .selectAll()
      .where('group_id', '=', groupId)
      .where('user_id', '=', userId)

  app.get('/v3/groups/:id/users', async (request) => {
    const group = await groupFor(request, 'identity:list_users_in_group')
    const rows = await store.db
      .selectFrom('keystone_membership')
      .innerJoin('keystone_user', 'keystone_user.id', 'keystone_membership.user_id')
      .where('group_id', '=', group.id)
      .selectAll('keystone_user')
      .orderBy('keystone_user.id')
      .execute()
    return listOf(
      routes,
      request,
      'users',
      rows.map((row) => userResource.view(row, routes)),
    )
  })
  app.put('/v3/groups/:id/users/:userId', async (request, reply) => {
    const group = await groupFor(request, 'identity:add_user_to_group')
    const user = await store.findUser(param(request, 'userId'))
    if (user === undefined) throw missing('user', param(request, 'userId'))
    await store.db
      .insertInto('keystone_membership')
      .values({ group_id: group.id, user_id: user.id })
      .onConflict((conflict) => conflict.columns(['user_id', 'group_id']).doNothing())
      .execute()
    return reply.code(204).send()
  })
  app.head('/v3/groups/:id/users/:userId', async (request, reply) => {
    const group = await groupFor(request, 'identity:check_user_in_group')
    const found = await membership(group.id, param(request, 'userId')).executeTakeFirst()
    if (found === undefined) throw missing('user', param(request, 'userId'))
    return reply.code(204).send()
  })
  app.delete('/v3/groups/:id/users/:userId', async (request, reply) => {
    const group = await groupFor(request, 'identity:remove_user_from_group')
    const userId = param(request, 'userId')
    if ((await membership(group.id, userId).executeTakeFirst()) === undefined) throw missing('user', userId)
    await store.db
      .deleteFrom('keystone_membership')
      .where('group_id', '=', group.id)
      .where('user_id', '=', userId)
      .execute()
    return reply.code(204).send()
  })
}
