/** What is known of a host, by Nova's names for it: flavors and queries ask for hosts by these, and by nothing else. */
import type { CandidateHost } from './request.ts'

const MB_PER_GB = 1024

function freeDiskMb({ node }: CandidateHost): number {
  const free = node.localGb - node.localGbUsed
  return Math.min(free, node.diskAvailableLeast ?? free) * MB_PER_GB
}

const FACTS: Readonly<Record<string, (host: CandidateHost) => unknown>> = {
  host: ({ node }) => node.host,
  nodename: ({ node }) => node.hypervisorHostname,
  uuid: ({ node }) => node.uuid,
  hypervisor_hostname: ({ node }) => node.hypervisorHostname,
  hypervisor_type: ({ node }) => node.hypervisorType,
  hypervisor_version: ({ node }) => node.hypervisorVersion,
  host_ip: ({ node }) => node.hostIp,
  vcpus_total: ({ node }) => node.vcpus,
  vcpus_used: ({ node }) => node.vcpusUsed,
  total_usable_ram_mb: ({ node }) => node.memoryMb,
  free_ram_mb: ({ node }) => node.memoryMb - node.memoryMbUsed,
  total_usable_disk_gb: ({ node }) => node.localGb,
  disk_mb_used: ({ node }) => node.localGbUsed * MB_PER_GB,
  free_disk_mb: freeDiskMb,
  cpu_allocation_ratio: ({ node }) => node.cpuAllocationRatio,
  ram_allocation_ratio: ({ node }) => node.ramAllocationRatio,
  disk_allocation_ratio: ({ node }) => node.diskAllocationRatio,
  supported_instances: ({ node }) => node.supportedInstances,
  num_instances: ({ servers }) => servers,
  failed_builds: ({ node }) => node.failedBuilds ?? 0,
  num_io_ops: ({ ioOps }) => ioOps,
  cpu_info: ({ node }) => node.cpuInfo,
}

export const isFact = (name: string): boolean => Object.hasOwn(FACTS, name)

/** The fact at a path into what is known of the host: `cpu_info`, `topology`, `cores`. Undefined when there is none. */
export function factAt(host: CandidateHost, [name = '', ...path]: readonly string[]): unknown {
  let value = isFact(name) ? FACTS[name]?.(host) : undefined
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}
