/** Host aggregates. */
export { aggregateRoutes } from './routes.ts'
