/** Placement: who has what, and who uses it. Knows nothing of Nova. */
export { createPlacementApp, type PlacementApp, type PlacementDependencies } from './app.ts'
export { PLACEMENT_MIGRATION_SET, PLACEMENT_MIGRATIONS } from './db/migrations.ts'
export { defaultPolicy, type PolicyCheck, type PolicyTarget } from './policy.ts'
