/** Free memory: spreads with a positive multiplier, packs with a negative one. */
import type { Weigher } from './weigher.ts'

export const ram: Weigher = {
  name: 'RAMWeigher',
  weigh: ({ free }) => free.MEMORY_MB ?? 0,
  multiplier: (config) => config.ramWeightMultiplier,
  overrideKey: 'ram_weight_multiplier',
  minimum: 0,
}
