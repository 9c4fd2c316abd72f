/** Placement: who has what, and who uses it. */
export { createPlacementClient } from './client.ts'
export type { PlacementClient } from './port.ts'
export { createPlacementUpkeep, type PlacementUpkeep } from './upkeep.ts'
