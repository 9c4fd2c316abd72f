/** Free virtual CPUs. */
import type { Weigher } from './weigher.ts'

export const cpu: Weigher = {
  name: 'CPUWeigher',
  weigh: ({ free }) => (free.VCPU ?? 0) + (free.PCPU ?? 0),
  multiplier: (config) => config.cpuWeightMultiplier,
  overrideKey: 'cpu_weight_multiplier',
  minimum: 0,
}
