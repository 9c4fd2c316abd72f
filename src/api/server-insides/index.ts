/** The inside of a server: diagnostics, topology, password, moves under way, shares. */
export { serverInsideRoutes } from './routes.ts'
