/** The conductor: owns every long operation, and is the computes' only door to the database. */
export { type Conductor, createConductor } from './conductor.ts'
export { allocationOf } from './repair/allocations.ts'
export { type ConductorConfig, defaultConductorConfig } from './config.ts'
