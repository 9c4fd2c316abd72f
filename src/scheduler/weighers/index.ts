/** The weighers, together. */
export { weighersOf } from './by-name.ts'
export { ioOps } from './servers.ts'
export { weigh } from './weigh.ts'
export type { Weigher } from './weigher.ts'
