/** The simulated driver's door. */
export { createSimulatedDriver, type SimulatedDriver, type SimulatedOptions } from './driver.ts'
export { createFailureCounter, type FailureCounter } from './misbehaviour.ts'
