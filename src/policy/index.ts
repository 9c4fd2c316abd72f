/** Policy: who may do what, in oslo.policy's language. */
export { createPolicy, type Policy } from './policy.ts'
export { loadPolicy, type PolicySources } from './load.ts'
export { createLivePolicy, type LivePolicy } from './live.ts'
export { PolicySyntaxError } from './parse.ts'
export type { Target } from './compile.ts'
export type { Rule } from './rule.ts'
export { computeRules } from './rules/compute.ts'
export { placementRules } from './rules/placement.ts'
