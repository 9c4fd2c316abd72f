/** What an instance needs of a host, once more: for moves, and for coming back. */
import { hintsOf, imagePropertiesOf, pinnedZoneOf } from '#api/servers/index.ts'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { type Instance, isVolumeBacked } from '#model/instance/index.ts'

export function requestSpecOf(instance: Instance, differs: Partial<RequestSpec> = {}): RequestSpec {
  const { name, vcpus, memoryMb, rootGb, ephemeralGb, swapMb, extraSpecs } = instance.flavor
  return {
    flavor: { name, vcpus, memoryMb, rootGb, ephemeralGb, swapMb, extraSpecs },
    imageProperties: imagePropertiesOf(instance),
    imageId: instance.imageRef === '' ? null : instance.imageRef,
    imageDiskFormat: instance.systemMetadata['image_disk_format'] ?? null,
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
