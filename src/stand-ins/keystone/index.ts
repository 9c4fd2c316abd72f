/** The stand-in for Keystone: tokens, users, projects, roles and the catalog, small but real. */
export { createKeystone, type Keystone, type KeystoneOptions } from './keystone.ts'
export type { BootstrapInput, BootstrapService, BootstrapUser } from './bootstrap.ts'
