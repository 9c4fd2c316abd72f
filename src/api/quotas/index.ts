/** Quotas: limits of projects and users, and the sets that tell and change them. */
export { type Limits, limitsOf } from './limits.ts'
export { quotaRoutes } from './routes.ts'
