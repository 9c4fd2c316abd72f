/** Quota sets and limits: how much a project may have, and has. */
import { requireProject, type Route, serve, type Services } from '#api/kernel/index.ts'
import { countInstances } from '#db/instances.ts'
import { countKeyPairs } from '#db/keypairs.ts'
import {
  removeProjectQuotas,
  removeUserQuotas,
  setProjectQuotas,
  setUserQuotas,
  sumUserQuotas,
} from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { isTrue, many, operation, query } from '#lib/versioned/index.ts'
import { requireWithin } from './bounds.ts'
import { defaultLimits, type Limits, limitsOf, type Resource, RESOURCES } from './limits.ts'
import { absoluteLimits, type Cells, quotaSetView } from './quota-set.view.ts'
import {
  removeQuotaSet,
  showQuotaSet,
  showQuotaSetDefaults,
  showQuotaSetDetail,
  updateQuotaSet,
} from './quota-sets.spec.ts'

const RULE = 'os_compute_api:os-quota-sets'

export const showLimits = operation({
  path: 'GET /limits',
  policy: 'os_compute_api:limits',
  query: query({ tenant_id: many() }, { strictSince: '2.75' }),
})

const cellsOf = (cell: (resource: Resource) => unknown, network: unknown): Cells => ({
  ...(Object.fromEntries(RESOURCES.map((resource) => [resource, cell(resource)])) as Record<
    Resource,
    unknown
  >),
  network,
})

export function quotaRoutes({ db, config, projects }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  /** What is used of each resource; what is not counted by project (metadata, files, group members) is 0. */
  async function usedOf(
    projectId: string,
    userId: string | undefined,
  ): Promise<Partial<Record<Resource, number>>> {
    const { instances, cores, ramMb } = await countInstances(nova, {
      projectId,
      ...(userId !== undefined && { userId }),
    })
    const keyPairs = userId === undefined ? 0 : await countKeyPairs(nova, userId)
    return { instances, cores, ram: ramMb, key_pairs: keyPairs }
  }

  return [
    serve(showLimits, async (call) => {
      const other = call.query.tenant_id?.at(-1)
      if (other !== undefined) call.enforce('os_compute_api:limits:other_project')
      const projectId = other ?? call.context.projectId ?? ''
      const [limits, used] = [
        await limitsOf(nova, config, { projectId }),
        await countInstances(nova, { projectId }),
      ]
      return { body: { limits: { rate: [], absolute: call.render(absoluteLimits)(limits, used) } } }
    }),

    serve(showQuotaSet, async (call) => {
      const projectId = call.params.id ?? ''
      call.enforce(`${RULE}:show`, { project_id: projectId })
      await requireProject(projects, projectId)
      const limits = await limitsOf(nova, config, { projectId, userId: call.query.user_id?.at(-1) })
      return {
        body: {
          quota_set: call.render(quotaSetView)(
            cellsOf((name) => limits[name], -1),
            { id: projectId },
          ),
        },
      }
    }),

    serve(showQuotaSetDetail, async (call) => {
      const projectId = call.params.id ?? ''
      call.enforce(`${RULE}:detail`, { project_id: projectId })
      await requireProject(projects, projectId)
      const userId = call.query.user_id?.at(-1)
      const [limits, used] = [
        await limitsOf(nova, config, { projectId, userId }),
        await usedOf(projectId, userId),
      ]
      const cell = (limit: number, inUse: number) => ({ limit, in_use: inUse, reserved: 0 })
      const cells = cellsOf((name) => cell(limits[name], used[name] ?? 0), cell(-1, 0))
      return { body: { quota_set: call.render(quotaSetView)(cells, { id: projectId }) } }
    }),

    serve(showQuotaSetDefaults, async (call) => {
      await requireProject(projects, call.params.id ?? '')
      const limits = await defaultLimits(nova, config)
      return {
        body: {
          quota_set: call.render(quotaSetView)(
            cellsOf((name) => limits[name], -1),
            { id: call.params.id },
          ),
        },
      }
    }),

    serve(updateQuotaSet, async (call) => {
      const projectId = call.params.id ?? ''
      const userId = call.query.user_id?.at(-1)
      call.enforce(`${RULE}:update`, { project_id: projectId })
      await requireProject(projects, projectId)
      const { force, ...asked } = call.body.quota_set as Readonly<Record<string, string | number | boolean>>
      const wanted = Object.fromEntries(
        RESOURCES.filter((name) => asked[name] !== undefined).map((name) => [name, Number(asked[name])]),
      ) as Partial<Record<Resource, number>>
      if (!isTrue(force as boolean | string | undefined))
        requireWithin(wanted, {
          used: await usedOf(projectId, userId),
          given: await sumUserQuotas(nova, projectId),
          project: await limitsOf(nova, config, { projectId }),
          user: userId === undefined ? undefined : await limitsOf(nova, config, { projectId, userId }),
        })
      await db.transaction<NovaDb, void>((trx) =>
        userId === undefined
          ? setProjectQuotas(trx, projectId, wanted)
          : setUserQuotas(trx, projectId, userId, wanted),
      )
      const limits: Limits = await limitsOf(nova, config, { projectId, userId })
      return {
        body: {
          quota_set: call.render(quotaSetView)(
            cellsOf((name) => limits[name], -1),
            { id: undefined },
          ),
        },
      }
    }),

    serve(removeQuotaSet, async (call) => {
      const projectId = call.params.id ?? ''
      const userId = call.query.user_id?.at(-1)
      call.enforce(`${RULE}:delete`, { project_id: projectId })
      await (userId === undefined
        ? removeProjectQuotas(nova, projectId)
        : removeUserQuotas(nova, projectId, userId))
      return {}
    }),
  ]
}
