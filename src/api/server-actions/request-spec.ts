/** What an instance needs of a host, once more: for moves, and for coming back. */
import { hintsOf, imagePropertiesOf, pinnedZoneOf } from '#api/servers/index.ts'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { type Instance, isVolumeBacked } from '#model/instance/index.ts'

export function requestSpecOf(instance: Instance, differs: Partial<RequestSpec> = {}): RequestSpec {
  const { vcpus, memoryMb, rootGb, ephemeralGb, swapMb, extraSpecs } = instance.flavor
  return {
    flavor: { vcpus, memoryMb, rootGb, ephemeralGb, swapMb, extraSpecs },
    imageProperties: imagePropertiesOf(instance),
    isVolumeBacked: isVolumeBacked(instance),
    projectId: instance.projectId,
    availabilityZone: pinnedZoneOf(instance),
    forceHost: null,
    forceNode: null,
    ignoreHosts: [],
    schedulerHints: hintsOf(instance),
    ...differs,
  }
}
