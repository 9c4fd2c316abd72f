/** Policy: who may do what, in oslo.policy's language. */
export { createPolicy, type Overrides, type Policy, type PolicyOptions } from './policy.ts'
export { loadPolicy } from './load.ts'
export { PolicySyntaxError } from './parse.ts'
export type { Target } from './compile.ts'
export type { Rule, Scope } from './rule.ts'
export { computeRules } from './rules/compute.ts'
export { placementRules } from './rules/placement.ts'
