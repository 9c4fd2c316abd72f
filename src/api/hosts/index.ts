/** Hosts, as they were before there were hypervisors and services. */
export { hostRoutes } from './routes.ts'
