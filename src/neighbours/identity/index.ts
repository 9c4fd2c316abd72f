/** Keystone: callers' tokens validated, service users' tokens kept, the catalog read. */
export { createIdentity } from './validate.ts'
export { createProjects } from './projects.ts'
export { createUnifiedLimits } from './limits.ts'
export { createServiceSession } from './service-session.ts'
export type { Identity, Projects, ServiceSession, UnifiedLimits } from './port.ts'
