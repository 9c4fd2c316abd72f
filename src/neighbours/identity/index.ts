/** Keystone: callers' tokens validated, service users' tokens kept, the catalog read. */
export { createIdentity } from './validate.ts'
export { createServiceSession } from './service-session.ts'
export type { Identity, ServiceSession } from './port.ts'
