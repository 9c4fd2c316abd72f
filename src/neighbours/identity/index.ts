/** Keystone: callers' tokens validated, service users' tokens kept, the catalog read. */
export { createIdentity, type IdentityOptions } from './validate.ts'
export { createServiceSession, type ServiceSessionOptions } from './service-session.ts'
export { contextOf, type Identity, type ServiceSession, type TokenInfo } from './port.ts'
