/** All rules, by noun; the order is that of the sample file. */
import { consolesRules } from './consoles.ts'
import { DEPRECATED } from './deprecated.ts'
import { extensionsRules } from './extensions.ts'
import { flavorsRules } from './flavors.ts'
import { hostsRules } from './hosts.ts'
import { keypairsRules } from './keypairs.ts'
import { networksRules } from './networks.ts'
import { quotasRules } from './quotas.ts'
import { serverActionsRules } from './server-actions.ts'
import { serverPartsRules } from './server-parts.ts'
import { serversRules } from './servers.ts'
import { volumesRules } from './volumes.ts'
import { whoRules } from './who.ts'
import type { Rule } from '../rule.ts'

const declared: readonly Rule[] = [
  ...whoRules,
  ...serversRules,
  ...serverActionsRules,
  ...consolesRules,
  ...serverPartsRules,
  ...networksRules,
  ...volumesRules,
  ...flavorsRules,
  ...hostsRules,
  ...quotasRules,
  ...keypairsRules,
  ...extensionsRules,
]

/** The rules of the compute API, each with what it was before. */
export const computeRules: readonly Rule[] = declared.map((rule) => {
  const deprecated = DEPRECATED.get(rule.name)
  return deprecated ? { ...rule, deprecated } : rule
})
