/** The stand-in for Keystone: tokens, users, projects, roles and the catalog, small but real. */
export { createKeystone, type Keystone } from './keystone.ts'
export type { BootstrapInput } from './bootstrap.ts'
