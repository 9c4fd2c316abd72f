/** What is free on a host: spreads with a positive multiplier, packs with a negative one. */
import type { Weigher } from './weigher.ts'

export const cpu: Weigher = {
  name: 'CPUWeigher',
  weigh: ({ free }) => (free.VCPU ?? 0) + (free.PCPU ?? 0),
  multiplier: (config) => config.cpuWeightMultiplier,
  overrideKey: 'cpu_weight_multiplier',
  minimum: 0,
}

export const ram: Weigher = {
  name: 'RAMWeigher',
  weigh: ({ free }) => free.MEMORY_MB ?? 0,
  multiplier: (config) => config.ramWeightMultiplier,
  overrideKey: 'ram_weight_multiplier',
  minimum: 0,
}

export const disk: Weigher = {
  name: 'DiskWeigher',
  weigh: ({ free }) => free.DISK_GB ?? 0,
  multiplier: (config) => config.diskWeightMultiplier,
  overrideKey: 'disk_weight_multiplier',
  minimum: 0,
}
