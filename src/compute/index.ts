/** The compute's door: the service that runs beside a host's hypervisor. */
export { type Compute, createCompute } from './compute.ts'
export { type ComputeConfig, defaultComputeConfig } from './config.ts'
