/** Hosts that have what bare and `capabilities:` extra specs of the flavor ask for. */
import type { CandidateHost, SchedulingRequest } from '../request.ts'
import { are, type Filter } from './filter.ts'
import { matchesSpec } from './spec-operators.ts'

/** Nova's names for what is known of a host. */
const capabilitiesOf = ({ node }: CandidateHost): Readonly<Record<string, unknown>> => ({
  host: node.host,
  nodename: node.hypervisorHostname,
  hypervisor_hostname: node.hypervisorHostname,
  hypervisor_type: node.hypervisorType,
  hypervisor_version: node.hypervisorVersion,
  vcpus_total: node.vcpus,
  vcpus_used: node.vcpusUsed,
  total_usable_ram_mb: node.memoryMb,
  free_ram_mb: node.memoryMb - node.memoryMbUsed,
  total_usable_disk_gb: node.localGb,
  num_instances: node.runningVms,
  cpu_info: node.cpuInfo,
})

/** The path into the capabilities that an extra spec is about; undefined when it is about something else. */
function pathOf(key: string): readonly string[] | undefined {
  const parts = key.split(':')
  if (parts.length === 1) return parts
  return parts[0] === 'capabilities' ? parts.slice(1) : undefined
}

function valueAt(capabilities: unknown, path: readonly string[]): unknown {
  let value = capabilities
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function missing(host: CandidateHost, { spec }: SchedulingRequest): string | undefined {
  const capabilities = capabilitiesOf(host)
  for (const [key, wanted] of Object.entries(spec.flavor.extraSpecs)) {
    const path = pathOf(key)
    if (path === undefined) continue
    const value = valueAt(capabilities, path)
    if (value === undefined) return `the flavor wants ${key}=${wanted}, the host does not tell of it`
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    if (!matchesSpec(text, wanted)) return `the flavor wants ${key}=${wanted}, the host has ${text}`
  }
  return undefined
}

export const computeCapabilities: Filter = {
  name: 'ComputeCapabilitiesFilter',
  refuse: missing,
  tell: (count) => `${are(count)} without a capability that the flavor asks for`,
}
