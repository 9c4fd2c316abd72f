/** Extensions, of which there are none any more. */
import { type Rule, rule } from '../rule.ts'

export const extensionsRules: readonly Rule[] = [
  rule('os_compute_api:extensions', '@', ['GET /extensions', 'GET /extensions/{alias}']),
]
