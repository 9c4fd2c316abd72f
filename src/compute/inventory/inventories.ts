/** What the host offers to Placement, out of what it has and what is kept for itself. */
import type { Inventory } from '#neighbours/placement/port.ts'
import type { HostResources } from '#virt/port.ts'
import type { ComputeConfig } from '../config.ts'

type Reserves = Pick<
  ComputeConfig,
  | 'reservedHostCpus'
  | 'reservedHostMemoryMb'
  | 'reservedHostDiskMb'
  | 'cpuAllocationRatio'
  | 'ramAllocationRatio'
  | 'diskAllocationRatio'
>

/** Placement refuses a reserve above the total: a host that small offers nothing. */
const inventory = (total: number, reserved: number, allocationRatio: number): Inventory => ({
  total,
  reserved: Math.min(reserved, total),
  minUnit: 1,
  maxUnit: total,
  stepSize: 1,
  allocationRatio,
})

/** By resource class; a resource of which there is nothing is left out. */
export function inventoriesOf(
  resources: HostResources,
  config: Reserves,
): Readonly<Record<string, Inventory>> {
  const all = {
    VCPU: inventory(resources.vcpus, config.reservedHostCpus, config.cpuAllocationRatio),
    MEMORY_MB: inventory(resources.memoryMb, config.reservedHostMemoryMb, config.ramAllocationRatio),
    DISK_GB: inventory(
      resources.diskGb,
      Math.ceil(config.reservedHostDiskMb / 1024),
      config.diskAllocationRatio,
    ),
  }
  return Object.fromEntries(Object.entries(all).filter(([, each]) => each.total > 0))
}
