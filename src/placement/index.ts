/** Placement: who has what, and who uses it. Knows nothing of Nova. */
export { createPlacementApp, type PlacementApp } from './app.ts'
export { PLACEMENT_MIGRATIONS } from './db/migrations.ts'
export type { CorsOptions } from './http/cors.ts'
export { placementOperations } from './http/endpoints.ts'
export {
  type CheckResult,
  DATA_MIGRATIONS,
  isUpToDate,
  stampTables,
  syncTables,
  tablesVersion,
  UPGRADE_CHECKS,
} from './upkeep.ts'
