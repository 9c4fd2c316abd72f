/** Where a console's token leads. */
export { consoleTokenRoutes } from './routes.ts'
