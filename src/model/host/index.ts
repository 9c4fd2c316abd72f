/** Compute hosts and services as Nova knows them. */
export { isServiceUp, type Aggregate, type ComputeNode, type Service } from './host.ts'
