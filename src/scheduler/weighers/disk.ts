/** Free disk. */
import type { Weigher } from './weigher.ts'

export const disk: Weigher = {
  name: 'DiskWeigher',
  weigh: ({ free }) => free.DISK_GB ?? 0,
  multiplier: (config) => config.diskWeightMultiplier,
  overrideKey: 'disk_weight_multiplier',
  minimum: 0,
}
