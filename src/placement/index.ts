/** Placement: who has what, and who uses it. Knows nothing of Nova. */
export { createPlacementApp, type PlacementApp } from './app.ts'
export { PLACEMENT_MIGRATIONS } from './db/migrations.ts'
