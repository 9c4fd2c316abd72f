/** Server groups: lists, shows, makes and removes them. Who joins one is said when a server is created. */
import { type Call, limitOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import { lockQuota } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import {
  countServerGroups,
  getServerGroup,
  insertServerGroup,
  listServerGroups as readGroups,
  removeServerGroup as forgetGroup,
} from '#db/server-groups.ts'
import { badRequest } from '#lib/fault.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { Transaction } from 'kysely'
import { serverGroupView } from './server-group.view.ts'
import {
  createServerGroup,
  listServerGroups,
  removeServerGroup,
  showServerGroup,
} from './server-groups.spec.ts'

const RULE = 'os_compute_api:os-server-groups'

export function serverGroupRoutes(services: Services): readonly Route[] {
  const { db, clock, config, ids } = services
  const nova = db.typed<NovaDb>()

  /** The group of the path: to all but admins, those of other projects are not there. */
  const visibleGroup = ({ params, isAdmin, context }: Call<unknown, unknown, never>): Promise<ServerGroup> =>
    getServerGroup(nova, params['id'] ?? '', isAdmin ? {} : { projectId: context.projectId ?? '' })

  /** Of the project, and of the user in it: neither may have more than it may. */
  async function quotasOf(projectId: string, userId: string) {
    const owners = [{ projectId }, { projectId, userId }]
    return Promise.all(owners.map(async (owner) => ({ owner, quota: await quotaOf(services, owner) })))
  }

  /** Throws the 403 when one of them has as many as it may. */
  async function requireRoom(
    trx: Transaction<NovaDb>,
    quotas: Awaited<ReturnType<typeof quotasOf>>,
  ): Promise<void> {
    for (const { owner, quota } of quotas) {
      const limit = quota.limits.server_groups
      if (limit >= 0) await lockQuota(trx, owner.projectId)
      const used = limit < 0 ? 0 : await countServerGroups(trx, owner)
      if (limit >= 0 && used >= limit)
        throw quota.refusal('Quota exceeded, too many server groups.', [
          { resource: 'server_groups', used, delta: 1 },
        ])
    }
  }

  return [
    serve(listServerGroups, async (call) => {
      const all = call.query.all_projects !== undefined && call.isAdmin
      if (all) call.enforce(`${RULE}:index:all_projects`)
      const limit = limitOf(call.query, config.maxLimit)
      const offset = Number(call.query.offset?.at(-1) ?? 0)
      const groups = await readGroups(nova, all ? {} : { projectId: call.context.projectId ?? '' }, {
        // As everywhere in lists by offset, none is as good as all.
        limit: limit === 0 ? config.maxLimit : limit,
        offset: Math.min(offset, Number.MAX_SAFE_INTEGER),
      })
      const render = call.render(serverGroupView)
      return { body: { server_groups: groups.map((group) => render(group, undefined)) } }
    }),

    serve(createServerGroup, async (call) => {
      const { name, policy = call.body.server_group.policies?.[0], rules } = call.body.server_group
      if (policy === undefined) throw badRequest("'policy' is a required property")
      if (policy !== 'anti-affinity' && rules !== undefined && Object.keys(rules).length > 0)
        throw badRequest('Only anti-affinity policy supports rules.')
      const { projectId, userId } = call.context
      const most = rules?.max_server_per_host
      const quotas = await quotasOf(projectId ?? '', userId)
      const group = await db.transaction<NovaDb, ServerGroup>(async (trx) => {
        await requireRoom(trx, quotas)
        const row = {
          uuid: ids.uuid(),
          name,
          projectId: projectId ?? '',
          userId,
          policy,
          maxServersPerHost: most === undefined ? null : Math.min(Number(most), Number.MAX_SAFE_INTEGER),
        }
        return insertServerGroup(trx, row, { now: clock.now() })
      })
      return { body: { server_group: call.render(serverGroupView)(group, undefined) } }
    }),

    serve(showServerGroup, async (call) => {
      const group = await visibleGroup(call)
      call.enforce(`${RULE}:show`, { project_id: group.projectId })
      return { body: { server_group: call.render(serverGroupView)(group, undefined) } }
    }),

    serve(removeServerGroup, async (call) => {
      const group = await visibleGroup(call)
      call.enforce(`${RULE}:delete`, { project_id: group.projectId })
      await forgetGroup(nova, group.uuid)
      return {}
    }),
  ]
}
