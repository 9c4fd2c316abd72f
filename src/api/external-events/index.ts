/** Events of neighbours. */
export { externalEventRoutes } from './routes.ts'
