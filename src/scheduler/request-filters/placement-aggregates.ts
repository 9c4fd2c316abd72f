/** Request filters that narrow by aggregates, which Placement knows as well. */
import { badRequest } from '#lib/fault.ts'
import type { RequestFilter } from './request-filter.ts'

const TENANT_KEY = 'filter_tenant_id'

/** `[scheduler] limit_tenants_to_placement_aggregate`: a project that has aggregates of its own stays in them. */
export const tenantAggregates: RequestFilter = (query, { spec, config }, { aggregates }) => {
  if (!config.limitTenantsToPlacementAggregate) return query
  const own = aggregates.filter(({ metadata }) =>
    Object.entries(metadata).some(([key, value]) => key.startsWith(TENANT_KEY) && value === spec.projectId),
  )
  if (own.length > 0) return { ...query, memberOf: [...query.memberOf, own.map(({ uuid }) => uuid)] }
  if (config.placementAggregateRequiredForTenants) throw badRequest('No hosts available for tenant')
  return query
}

/** `[scheduler] enable_isolated_aggregate_filtering`: aggregates that want traits are for those who ask for these. */
export const isolatedAggregates: RequestFilter = (query, { config }, { aggregates }) => {
  if (!config.enableIsolatedAggregateFiltering) return query
  const asked = new Set(query.requiredTraits)
  const forbidden = aggregates.filter(({ metadata }) =>
    Object.entries(metadata).some(
      ([key, value]) =>
        key.startsWith('trait:') && value === 'required' && !asked.has(key.slice('trait:'.length)),
    ),
  )
  return forbidden.length === 0 ? query : { ...query, notMemberOf: forbidden.map(({ uuid }) => uuid) }
}

/**
 * The aggregates of the zone that is asked for. Not for the default zone, in which also hosts are that are in no
 * aggregate; nor for a zone that no aggregate names. Placement may not have heard of each aggregate's
 * hosts: that it finds none is no last word.
 */
export const zoneAggregates: RequestFilter = (query, { availabilityZone, config }, { aggregates }) => {
  if (availabilityZone === null || availabilityZone === config.defaultAvailabilityZone) return query
  const own = aggregates.filter(({ metadata }) => metadata['availability_zone'] === availabilityZone)
  return own.length === 0 ? query : { ...query, memberOf: [...query.memberOf, own.map(({ uuid }) => uuid)] }
}
