/** Snapshots that a hypervisor makes for Cinder. */
export { assistedSnapshotRoutes } from './routes.ts'
