/** The simulated driver's door. */
export { createSimulatedDriver, type SimulatedDriver } from './driver.ts'
export { createFailureCounter } from './misbehaviour.ts'
