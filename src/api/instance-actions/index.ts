/** Instance actions and their events. */
export { instanceActionRoutes } from './routes.ts'
