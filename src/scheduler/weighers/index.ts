/** The weighers, together. */
export { weigh } from './weigh.ts'
