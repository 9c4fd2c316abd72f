/** Remote consoles. */
export { remoteConsoleRoutes } from './routes.ts'
