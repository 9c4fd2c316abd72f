/** A server's network interfaces. */
export { interfaceRoutes } from './routes.ts'
