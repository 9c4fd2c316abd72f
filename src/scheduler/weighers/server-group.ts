/** Servers of a group with a soft policy: together, or apart, as well as can be. */
import type { Weigher } from './weigher.ts'

export const softAffinity: Weigher = {
  name: 'ServerGroupSoftAffinityWeigher',
  weigh: ({ node }, { group }) =>
    group?.policy === 'soft-affinity' ? (group.onHost.get(node.host) ?? 0) : 0,
  multiplier: (config) => config.softAffinityWeightMultiplier,
  overrideKey: 'soft_affinity_weight_multiplier',
}

export const softAntiAffinity: Weigher = {
  name: 'ServerGroupSoftAntiAffinityWeigher',
  weigh: ({ node }, { group }) =>
    group?.policy === 'soft-anti-affinity' ? -(group.onHost.get(node.host) ?? 0) : 0,
  multiplier: (config) => config.softAntiAffinityWeightMultiplier,
  overrideKey: 'soft_anti_affinity_weight_multiplier',
}
