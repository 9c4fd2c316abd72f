/** What a host holds and does already: how many servers, of which kind, and how busy they keep it. */
import type { Weigher } from './weigher.ts'

/** Builds, moves and copies that run there. Calm hosts are preferred by a negative multiplier, which is the default. */
export const ioOps: Weigher = {
  name: 'IoOpsWeigher',
  weigh: (host) => host.ioOps,
  multiplier: (config) => config.ioOpsWeightMultiplier,
  overrideKey: 'io_ops_weight_multiplier',
  minimum: 0,
}

export const numInstances: Weigher = {
  name: 'NumInstancesWeigher',
  weigh: ({ servers }) => servers,
  multiplier: (config) => config.numInstancesWeightMultiplier,
  overrideKey: 'num_instances_weight_multiplier',
}

/** How alike the images of its servers are to the request's: counted only when the option is not 0, as in Nova. */
export const imageProperties: Weigher = {
  name: 'ImagePropertiesWeigher',
  weigh: ({ likeness = 0 }) => likeness,
  multiplier: (config) => config.imagePropsWeightMultiplier,
  overrideKey: 'image_props_weight_multiplier',
}
