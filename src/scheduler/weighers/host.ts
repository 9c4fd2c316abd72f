/** What a host is. */
import type { Weigher } from './weigher.ts'

/** Newer hypervisors are preferred. */
export const hypervisorVersion: Weigher = {
  name: 'HypervisorVersionWeigher',
  weigh: ({ node }) => node.hypervisorVersion,
  multiplier: (config) => config.hypervisorVersionWeightMultiplier,
  overrideKey: 'hypervisor_version_weight_multiplier',
}

/** Prefers the cell that a server moves out of: as there is one cell, all hosts are in it. */
export const crossCell: Weigher = {
  name: 'CrossCellWeigher',
  weigh: () => 0,
  multiplier: (config) => config.crossCellMoveWeightMultiplier,
  overrideKey: 'cross_cell_move_weight_multiplier',
}
