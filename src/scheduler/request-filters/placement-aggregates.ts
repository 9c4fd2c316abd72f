/** Request filters that narrow by aggregates, which Placement knows as well. */
import type { Aggregate } from '#model/host/index.ts'
import type { Snapshot } from '../snapshot.ts'
import type { RequestFilter } from './request-filter.ts'

const TENANT_KEY = 'filter_tenant_id'
/** An aggregate that is there, but in which no provider can be. */
const NOWHERE = '00000000-0000-0000-0000-000000000000'

/** `[scheduler] limit_tenants_to_placement_aggregate`: a project that has aggregates of its own stays in them. */
export const tenantAggregates: RequestFilter = (query, { spec, config }, snapshot) => {
  if (!config.limitTenantsToPlacementAggregate) return query
  const own = aggregatesOf(snapshot).filter(({ metadata }) =>
    Object.entries(metadata).some(([key, value]) => key.startsWith(TENANT_KEY) && value === spec.projectId),
  )
  if (own.length === 0 && !config.placementAggregateRequiredForTenants) return query
  const uuids = own.length === 0 ? [NOWHERE] : own.map(({ uuid }) => uuid)
  return { ...query, memberOf: [...query.memberOf, uuids] }
}

/** `[scheduler] enable_isolated_aggregate_filtering`: aggregates that want traits are for those who ask for these. */
export const isolatedAggregates: RequestFilter = (query, { config }, snapshot) => {
  if (!config.enableIsolatedAggregateFiltering) return query
  const asked = new Set(query.requiredTraits)
  const forbidden = aggregatesOf(snapshot).filter(({ metadata }) =>
    Object.entries(metadata).some(
      ([key, value]) =>
        key.startsWith('trait:') && value === 'required' && !asked.has(key.slice('trait:'.length)),
    ),
  )
  return forbidden.length === 0 ? query : { ...query, notMemberOf: forbidden.map(({ uuid }) => uuid) }
}

const aggregatesOf = ({ hosts }: Snapshot): readonly Aggregate[] => [
  ...new Map(
    [...hosts.values()].flatMap(({ aggregates }) => aggregates.map((each) => [each.uuid, each] as const)),
  ).values(),
]
