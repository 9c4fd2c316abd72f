/** The request filters, in the order they are applied. */
import { computeStatus } from './compute-status.ts'
import { forcedNode } from './forced-node.ts'
import { isolatedAggregates, tenantAggregates } from './placement-aggregates.ts'
import type { RequestFilter } from './request-filter.ts'
import { imageMetadata, imageType, wishes } from './traits.ts'

export { zoneAggregates } from './placement-aggregates.ts'

export const REQUEST_FILTERS: readonly RequestFilter[] = [
  tenantAggregates,
  imageType,
  computeStatus,
  isolatedAggregates,
  imageMetadata,
  forcedNode,
  wishes,
]
