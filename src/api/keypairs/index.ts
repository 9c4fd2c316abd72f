/** Key pairs. */
export { keypairRoutes } from './routes.ts'
