/** Quotas: limits of projects and users, and the sets that tell and change them. */
export { type Quota, quotaOf } from './quota.ts'
export { quotaRoutes } from './routes.ts'
export { unifiedNeeds } from './unified-room.ts'
