/** The instance that a request is about, as far as its caller may know of it, and operations begun on it. */
export { actionOf, beginOperation } from './begin-operation.ts'
export { getServer, targetOf } from './get-server.ts'
export { visibleInstance } from './visible-instance.ts'
