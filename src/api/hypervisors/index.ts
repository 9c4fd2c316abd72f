/** Hypervisors. */
export { hypervisorRoutes } from './routes.ts'
