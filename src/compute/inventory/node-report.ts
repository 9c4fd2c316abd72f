/** The node as the API shows it: what the host has, and what its guests use. */
import type { NodeReport } from '#contracts/conductor.ts'
import type { ResourceAmounts } from '#neighbours/placement/port.ts'
import type { HostResources } from '#virt/port.ts'
import type { ComputeConfig } from '../config.ts'

/** What all allocations on the node come to, by resource class. */
export function sumOf(allocations: Iterable<{ readonly resources: ResourceAmounts }>): ResourceAmounts {
  const sum: Record<string, number> = {}
  for (const { resources } of allocations) {
    for (const [name, amount] of Object.entries(resources)) sum[name] = (sum[name] ?? 0) + amount
  }
  return sum
}

export function nodeReport(parts: {
  readonly uuid: string
  readonly host: string
  readonly resources: HostResources
  readonly traits: readonly string[]
  readonly used: ResourceAmounts
  readonly runningVms: number
  readonly failedBuilds: number
  readonly config: ComputeConfig
}): NodeReport {
  const { uuid, host, resources, traits, used, runningVms, failedBuilds, config } = parts
  return {
    uuid,
    hypervisorHostname: config.hypervisorHostname ?? host,
    hypervisorType: resources.hypervisorType,
    hypervisorVersion: resources.hypervisorVersion,
    hostIp: config.myIp,
    vcpus: resources.vcpus,
    vcpusUsed: used['VCPU'] ?? 0,
    memoryMb: resources.memoryMb,
    // As in Nova, what is kept for the host counts as used.
    memoryMbUsed: config.reservedHostMemoryMb + (used['MEMORY_MB'] ?? 0),
    localGb: resources.diskGb,
    localGbUsed: Math.ceil(config.reservedHostDiskMb / 1024) + (used['DISK_GB'] ?? 0),
    diskAvailableLeast: resources.diskFreeGb,
    runningVms,
    failedBuilds,
    cpuInfo: resources.cpuInfo,
    supportedInstances: resources.supportedInstances,
    uptimeSeconds: resources.uptimeSeconds,
    cpuAllocationRatio: config.cpuAllocationRatio,
    ramAllocationRatio: config.ramAllocationRatio,
    diskAllocationRatio: config.diskAllocationRatio,
    traits,
  }
}
