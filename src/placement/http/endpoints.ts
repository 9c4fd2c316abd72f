/** All endpoints of the API. */
import type { Operation } from '#lib/versioned/index.ts'
import { aggregateEndpoints } from './aggregates.ts'
import { allocationCandidateEndpoints } from './allocation-candidates.ts'
import { allocationEndpoints } from './allocations.ts'
import type { Endpoint } from './endpoint.ts'
import { inventoryEndpoints } from './inventories.ts'
import { reshaperEndpoints } from './reshaper.ts'
import { resourceClassEndpoints } from './resource-classes.ts'
import { resourceProviderEndpoints } from './resource-providers.ts'
import { rootEndpoints } from './root.ts'
import { traitEndpoints } from './traits.ts'
import { usageEndpoints } from './usages.ts'

export const endpoints: readonly Endpoint[] = [
  ...rootEndpoints,
  ...resourceClassEndpoints,
  ...resourceProviderEndpoints,
  ...inventoryEndpoints,
  ...usageEndpoints,
  ...aggregateEndpoints,
  ...allocationEndpoints,
  ...allocationCandidateEndpoints,
  ...traitEndpoints,
  ...reshaperEndpoints,
]

/** What each endpoint takes and answers, without what does it. */
export const placementOperations: readonly Operation[] = endpoints.map(({ operation }) => operation)
