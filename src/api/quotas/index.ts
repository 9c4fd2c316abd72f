/** Quotas: limits of projects and users, and the sets that tell and change them. */
export { type Limits, limitsOf, type Resource } from './limits.ts'
export { quotaRoutes } from './routes.ts'
