/** Availability zones. */
export { availabilityZoneRoutes } from './routes.ts'
