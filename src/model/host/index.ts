/** Compute hosts and services as Nova knows them. */
export { isServiceUp, type ComputeNode, type Service } from './host.ts'
