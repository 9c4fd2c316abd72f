/** What a compute is told of an instance. */
import type { GuestSpec } from '#contracts/compute.ts'
import type { Injected } from '#contracts/operations.ts'
import type { Image } from '#model/image/index.ts'
import { type Instance, instanceName, isVolumeBacked } from '#model/instance/index.ts'

/** Keys under `image_` of an instance's system metadata that are no properties of the image. */
const IMAGE_FIELDS = new Set(['min_disk', 'min_ram', 'disk_format', 'container_format', 'base_image_ref'])

/**
 * The image as the instance remembers it (`image_*` of its system metadata): what it takes to start a
 * guest that has its disks already. Null when it was booted from a volume.
 */
export function rememberedImage(instance: Instance): Image | null {
  if (isVolumeBacked(instance)) return null
  const notes = Object.entries(instance.systemMetadata)
    .filter(([key]) => key.startsWith('image_'))
    .map(([key, value]) => [key.slice('image_'.length), value] as const)
  const fields = new Map(notes)
  return {
    id: instance.imageRef,
    name: null,
    status: 'active',
    visibility: 'private',
    owner: instance.projectId,
    diskFormat: fields.get('disk_format') ?? null,
    containerFormat: fields.get('container_format') ?? null,
    size: null,
    virtualSize: null,
    minDiskGb: Number(fields.get('min_disk') ?? 0),
    minRamMb: Number(fields.get('min_ram') ?? 0),
    checksum: null,
    osHashAlgo: null,
    osHashValue: null,
    properties: Object.fromEntries(notes.filter(([key]) => !IMAGE_FIELDS.has(key))),
  }
}

/** What a build is told beside, of what the owner put into the guest. */
export const injectedArgs = ({
  injected,
}: {
  readonly injected?: Injected
}): Readonly<Record<string, unknown>> => (injected ? { injected } : {})

export const guestSpecOf = (instance: Instance, image: Image | null): GuestSpec => ({
  uuid: instance.uuid,
  name: instanceName(instance),
  displayName: instance.displayName,
  hostname: instance.hostname,
  projectId: instance.projectId,
  userId: instance.userId,
  flavor: instance.flavor,
  image,
  vifs: instance.networkInfo,
  keyName: instance.keyName,
  publicKey: instance.keyData,
  userData: instance.userData,
  configDrive: instance.configDrive,
  metadata: instance.metadata,
  availabilityZone: instance.availabilityZone,
  launchIndex: instance.launchIndex,
  reservationId: instance.reservationId,
})
