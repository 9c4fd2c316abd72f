/** Routes that are no more. */
export { removedRoutes } from './routes.ts'
