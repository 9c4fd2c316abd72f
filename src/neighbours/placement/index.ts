/** Placement: who has what, and who uses it. */
export { createPlacementClient, type PlacementClientOptions } from './client.ts'
export type {
  AllocationRequest,
  Candidate,
  CandidateQuery,
  Consumer,
  Inventory,
  PlacementClient,
  ProviderSummary,
  ResourceAmounts,
  ResourceProvider,
} from './port.ts'
