/** The list of extensions. */
export { extensionRoutes } from './routes.ts'
