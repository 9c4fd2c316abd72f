/** `/usages` of a project, and those of a provider. */
import { many, operation, query, required, since } from '#lib/versioned/index.ts'
import { listInventories } from '../db/inventories.ts'
import { getProvider } from '../db/providers.ts'
import { countConsumers, listUsages, type TypedUsage, type UsageFilter } from '../db/usages.ts'
import { type Endpoint, endpoint, last, param } from './endpoint.ts'

const owner = many({ type: 'string', minLength: 1, maxLength: 255 })

const ofProviderSpec = operation({
  path: 'GET /resource_providers/{uuid}/usages',
  policy: 'placement:resource_providers:usages',
})

const ofProjectSpec = operation({
  path: 'GET /usages',
  versions: '1.9..',
  policy: 'placement:usages',
  query: query({
    project_id: required(owner),
    user_id: owner,
    consumer_type: since(
      '1.38',
      many({ type: 'string', pattern: '^[A-Z0-9_]+$|^all|^unknown$', minLength: 1, maxLength: 255 }),
    ),
  }),
  behaviours: { byConsumerType: '1.38..' },
})

const UNKNOWN = 'unknown'
const ALL = 'all'

const sum = (usages: readonly TypedUsage[]): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const { resourceClass, used } of usages) sums[resourceClass] = (sums[resourceClass] ?? 0) + used
  return sums
}

export const usageEndpoints: readonly Endpoint[] = [
  endpoint(ofProviderSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    const inventories = await listInventories(call.scope.db, provider.id)
    return {
      body: {
        resource_provider_generation: provider.generation,
        usages: Object.fromEntries(inventories.map(({ resourceClass, used }) => [resourceClass, used])),
      },
    }
  }),
  endpoint(
    ofProjectSpec,
    async (call) => {
      const projectId = last(call.query.project_id) ?? ''
      const userId = last(call.query.user_id)
      const type = last(call.query.consumer_type)
      const filter: UsageFilter = {
        projectId,
        ...(userId !== undefined && { userId }),
        ...(type !== undefined && type !== ALL && { consumerType: type === UNKNOWN ? null : type }),
      }
      const usages = await listUsages(call.scope.db, filter)
      if (!call.behaviours.byConsumerType) return { body: { usages: sum(usages) } }
      const counts = await countConsumers(call.scope.db, filter)
      const groups =
        type === ALL && counts.length > 0 ? [[ALL, usages, counts] as const] : groupsOf(usages, counts)
      return {
        body: {
          usages: Object.fromEntries(
            groups.map(([name, ofType, counted]) => [
              name,
              { consumer_count: totalOf(counted), ...sum(ofType) },
            ]),
          ),
        },
      }
    },
    { target: (query) => ownerOf(last(query.project_id)) },
  ),
]

const ownerOf = (projectId: string | undefined) => (projectId === undefined ? {} : { projectId })

const totalOf = (counts: Counts): number => counts.reduce((total, each) => total + each.count, 0)

type Counts = readonly { readonly consumerType: string | null; readonly count: number }[]

function groupsOf(usages: readonly TypedUsage[], counts: Counts): [string, readonly TypedUsage[], Counts][] {
  return [...new Set(counts.map((each) => each.consumerType))].map((type) => [
    type ?? UNKNOWN,
    usages.filter((usage) => usage.consumerType === type),
    counts.filter((count) => count.consumerType === type),
  ])
}
