/** What of each resource class a guest of a flavor takes from its host. */
import type { Flavor } from './index.ts'

const MB_PER_GB = 1024

type Sizes = Pick<Flavor, 'vcpus' | 'memoryMb' | 'rootGb' | 'ephemeralGb' | 'swapMb' | 'extraSpecs'>

/** Extra specs that make no sense are passed over, as they were checked when they were set. */
export function resourcesOf(
  flavor: Sizes,
  { isVolumeBacked }: { readonly isVolumeBacked: boolean },
): Readonly<Record<string, number>> {
  const disk =
    (isVolumeBacked ? 0 : flavor.rootGb) + flavor.ephemeralGb + Math.ceil(flavor.swapMb / MB_PER_GB)
  const dedicated = flavor.extraSpecs['hw:cpu_policy'] === 'dedicated'
  const resources: Record<string, number> = {
    [dedicated ? 'PCPU' : 'VCPU']: flavor.vcpus,
    MEMORY_MB: flavor.memoryMb,
    DISK_GB: disk,
  }
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const resourceClass = /^resources:([A-Z0-9_]+)$/.exec(key)?.[1]
    if (resourceClass !== undefined && /^\d+$/.test(value)) resources[resourceClass] = Number(value)
  }
  return Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0))
}
