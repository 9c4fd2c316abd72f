/** The disks of a create: a local root disk of the image. Volumes are refused until there are volumes. */
import type { NewBlockDevice } from '#db/block-devices.ts'
import { badRequest } from '#lib/fault.ts'

export interface DeviceWish {
  readonly uuid?: string | undefined
  readonly source_type?: string | undefined
  readonly destination_type?: string | undefined
  readonly boot_index?: number | string | null | undefined
  readonly volume_size?: number | string | undefined
  readonly tag?: string | undefined
  readonly device_name?: string | undefined
  readonly disk_bus?: string | undefined
}

const ROOT_DEVICE = '/dev/vda'

const invalid = (why: string) => badRequest(`Block Device Mapping is Invalid: ${why}`)
const unsupported = () => invalid('only a local root disk made of an image is supported.')

export interface RootDisk {
  readonly imageId: string
  readonly deviceName: string
  readonly tag: string | null
  readonly diskBus: string | null
}

/** The root disk. `imageRef` or a block device must name its image; throws in Nova's words. */
export function rootDiskOf(
  imageRef: string | undefined,
  wishes: readonly DeviceWish[] | undefined = [],
  legacyWishes: readonly {
    readonly volume_id?: string | undefined
    readonly snapshot_id?: string | undefined
  }[] = [],
): RootDisk {
  if (legacyWishes.length > 0 && wishes.length > 0) {
    const both = 'is not allowed in the same request.'
    throw badRequest(`Using different block_device_mapping syntaxes ${both}`)
  }
  for (const { volume_id: volume, snapshot_id: snapshot } of legacyWishes) refuseVolume(volume, snapshot)
  const [root, ...others] = wishes.map(checkDevice)
  if (others.length > 0) throw unsupported()
  const imageId = imageRef === undefined || imageRef === '' ? root?.uuid : imageRef
  if (imageId === undefined) throw badRequest('Missing imageRef attribute')
  if (root && root.uuid !== imageId)
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
  return {
    imageId,
    deviceName: root?.device_name ?? ROOT_DEVICE,
    tag: root?.tag ?? null,
    diskBus: root?.disk_bus ?? null,
  }
}

function refuseVolume(volume: string | undefined, snapshot: string | undefined): never {
  if (volume !== undefined) throw invalid(`failed to get volume ${volume}.`)
  if (snapshot !== undefined) throw invalid(`failed to get snapshot ${snapshot}.`)
  throw unsupported()
}

function checkDevice(device: DeviceWish): DeviceWish {
  const { source_type: source, destination_type: destination, uuid, boot_index: bootIndex } = device
  if (source === 'blank') throw unsupported()
  if (uuid === undefined) throw invalid('Missing device UUID.')
  if (source === 'volume') refuseVolume(uuid, undefined)
  if (source === 'snapshot') refuseVolume(undefined, uuid)
  if (destination === 'volume') {
    if (device.volume_size === undefined)
      throw badRequest("Images with destination_type 'volume' need to have a non-zero size specified")
    throw unsupported()
  }
  if (bootIndex == null || Number(bootIndex) !== 0) throw invalid('Mapping image to local is not supported.')
  return device
}

/** The root disk's record, one for each instance. */
export const rootDeviceRow = (root: RootDisk, instanceUuid: string, uuid: string): NewBlockDevice => ({
  uuid,
  instanceUuid,
  sourceType: 'image',
  destinationType: 'local',
  imageId: root.imageId,
  volumeId: null,
  snapshotId: null,
  deviceName: root.deviceName,
  bootIndex: 0,
  volumeSizeGb: null,
  guestFormat: null,
  diskBus: root.diskBus,
  deviceType: 'disk',
  deleteOnTermination: true,
  attachmentId: null,
  tag: root.tag,
})
