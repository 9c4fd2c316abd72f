/** What a host is, and how it fared. */
import type { Weigher } from './weigher.ts'

/** Newer hypervisors are preferred. */
export const hypervisorVersion: Weigher = {
  name: 'HypervisorVersionWeigher',
  weigh: ({ node }) => node.hypervisorVersion,
  multiplier: (config) => config.hypervisorVersionWeightMultiplier,
  overrideKey: 'hypervisor_version_weight_multiplier',
}

/** Hosts on which builds failed lately are the last to be tried. */
export const buildFailure: Weigher = {
  name: 'BuildFailureWeigher',
  weigh: ({ node }) => node.failedBuilds ?? 0,
  countsAgainst: true,
  multiplier: (config) => config.buildFailureWeightMultiplier,
  overrideKey: 'build_failure_weight_multiplier',
}

/** Prefers the cell that a server moves out of: as there is one cell, all hosts are in it. */
export const crossCell: Weigher = {
  name: 'CrossCellWeigher',
  weigh: () => 0,
  multiplier: (config) => config.crossCellMoveWeightMultiplier,
  overrideKey: 'cross_cell_move_weight_multiplier',
}
