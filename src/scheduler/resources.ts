/** What of each resource class, and which traits, a request needs: from the flavor and its extra specs. */
import type { RequestSpec } from '#contracts/scheduler.ts'

export interface Needs {
  readonly resources: Readonly<Record<string, number>>
  readonly requiredTraits: readonly string[]
  readonly forbiddenTraits: readonly string[]
}

const MB_PER_GB = 1024

/** Throws nothing: extra specs that make no sense are passed over, as they were checked when they were set. */
export function needsOf(spec: RequestSpec): Needs {
  const { flavor } = spec
  const disk =
    (spec.isVolumeBacked ? 0 : flavor.rootGb) + flavor.ephemeralGb + Math.ceil(flavor.swapMb / MB_PER_GB)
  const dedicated = flavor.extraSpecs['hw:cpu_policy'] === 'dedicated'
  const resources: Record<string, number> = {
    [dedicated ? 'PCPU' : 'VCPU']: flavor.vcpus,
    MEMORY_MB: flavor.memoryMb,
    DISK_GB: disk,
  }
  const [requiredTraits, forbiddenTraits]: [string[], string[]] = [[], []]
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const resourceClass = /^resources:([A-Z0-9_]+)$/.exec(key)?.[1]
    if (resourceClass !== undefined && /^\d+$/.test(value)) resources[resourceClass] = Number(value)
    const trait = /^trait:([A-Z0-9_]+)$/.exec(key)?.[1]
    if (trait !== undefined && value === 'required') requiredTraits.push(trait)
    if (trait !== undefined && value === 'forbidden') forbiddenTraits.push(trait)
  }
  return {
    resources: Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0)),
    requiredTraits,
    forbiddenTraits,
  }
}
