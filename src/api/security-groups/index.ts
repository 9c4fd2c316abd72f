/** Security groups of a server. */
export { securityGroupRoutes } from './routes.ts'
