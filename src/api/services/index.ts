/** Services. */
export { serviceRoutes } from './routes.ts'
