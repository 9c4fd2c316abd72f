/** The simulated driver's door. */
export { createSimulatedDriver, type SimulatedDriver } from './driver.ts'
export type { Journal, SimulatedGuest } from './journal.ts'
export { createFailureCounter } from './misbehaviour.ts'
