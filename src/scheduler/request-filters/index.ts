/** The request filters, in the order they are applied. */
import { accelerators } from './accelerators.ts'
import { computeStatus } from './compute-status.ts'
import { forcedNode } from './forced-node.ts'
import { isolatedAggregates, tenantAggregates } from './placement-aggregates.ts'
import type { RequestFilter } from './request-filter.ts'

export const REQUEST_FILTERS: readonly RequestFilter[] = [
  tenantAggregates,
  computeStatus,
  isolatedAggregates,
  forcedNode,
  accelerators,
]
