/** Migrations of all servers. */
export { migrationRoutes } from './routes.ts'
