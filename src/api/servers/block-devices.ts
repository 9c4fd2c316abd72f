/**
 * The disks of a create, as far as they can be judged without asking anybody: what the caller sent in either
 * syntax, what the image and the flavor add, and every rule they must keep, in Nova's words.
 */
import type { NewBlockDevice } from '#db/block-devices.ts'
import { badRequest } from '#lib/fault.ts'
import { isTrue } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'

/** A disk as version 2 of the syntax has it; the old syntax has some of it. */
export interface DeviceWish {
  readonly uuid?: string | undefined
  readonly source_type?: 'volume' | 'image' | 'snapshot' | 'blank' | undefined
  readonly destination_type?: 'local' | 'volume' | undefined
  readonly boot_index?: number | string | null | undefined
  readonly volume_size?: number | string | undefined
  readonly volume_type?: string | null | undefined
  readonly tag?: string | undefined
  readonly device_name?: string | undefined
  readonly device_type?: string | undefined
  readonly disk_bus?: string | undefined
  readonly guest_format?: string | undefined
  readonly delete_on_termination?: boolean | string | undefined
  readonly no_device?: unknown
}

export interface OldDeviceWish
  extends Pick<DeviceWish, 'device_name' | 'volume_size' | 'delete_on_termination' | 'no_device'> {
  readonly virtual_name?: string | undefined
  readonly volume_id?: string | undefined
  readonly snapshot_id?: string | undefined
}

/** A disk to be; which instance it is for comes later. */
export type Device = Omit<NewBlockDevice, 'uuid' | 'instanceUuid'>

interface Sent {
  readonly imageRef?: string | undefined
  readonly block_device_mapping?: readonly OldDeviceWish[] | undefined
  readonly block_device_mapping_v2?: readonly DeviceWish[] | undefined
}

/** The root disk where nobody named it. */
export const ROOT_DEVICE = '/dev/vda'
const invalid = (why: string) => badRequest(`Block Device Mapping is Invalid: ${why}`)

const EMPTY: Device = {
  sourceType: 'blank',
  destinationType: 'local',
  imageId: null,
  volumeId: null,
  snapshotId: null,
  deviceName: null,
  bootIndex: -1,
  volumeSizeGb: null,
  guestFormat: null,
  diskBus: null,
  deviceType: 'disk',
  deleteOnTermination: false,
  attachmentId: null,
  tag: null,
  volumeType: null,
}

const rootOfImage = (imageId: string): Device => ({
  ...EMPTY,
  sourceType: 'image',
  imageId,
  bootIndex: 0,
  deleteOnTermination: true,
})

export const nameOf = (text: string | undefined): string | null =>
  text === undefined ? null : `/dev/${text.replace(/^\/dev\//, '')}`

const sizeOf = (size: number | string | undefined): number | null =>
  size === undefined ? null : Number(size)

/**
 * The disks that were asked for, in order; in the old syntax the one of the root disk's name is it. Refuses both syntaxes at
 * once, and disks that contradict themselves.
 */
export function readDevices(sent: Sent, rootName = ROOT_DEVICE): Device[] {
  const { block_device_mapping: old = [], block_device_mapping_v2: wishes = [] } = sent
  if (old.length > 0 && wishes.length > 0)
    throw badRequest('Using different block_device_mapping syntaxes is not allowed in the same request.')
  if (wishes.length > 0)
    return wishes.flatMap((wish) => (wish.no_device ? [] : readDevice(wish, sent.imageRef !== undefined)))
  const devices = old.flatMap((wish) => readOldDevice(wish, rootName))
  const imageId = sent.imageRef ?? ''
  const isRooted = devices.some(({ bootIndex }) => bootIndex === 0)
  return isRooted || imageId === '' ? devices : [rootOfImage(imageId), ...devices]
}

function readDevice(wish: DeviceWish, isImageSent: boolean): Device {
  refuseContradictions(wish, isImageSent)
  const { source_type: source = 'blank', uuid = null } = wish
  // An integer is kept as it is; null, which is no place in the order of booting, too.
  const bootIndex = wish.boot_index == null ? null : Number(wish.boot_index)
  return {
    ...EMPTY,
    sourceType: source,
    destinationType: wish.destination_type ?? DESTINATIONS[source],
    imageId: source === 'image' ? uuid : null,
    volumeId: source === 'volume' ? uuid : null,
    snapshotId: source === 'snapshot' ? uuid : null,
    deviceName: nameOf(wish.device_name),
    bootIndex,
    volumeSizeGb: sizeOf(wish.volume_size),
    guestFormat: wish.guest_format ?? null,
    diskBus: wish.disk_bus ?? null,
    deviceType: (wish.device_type as Device['deviceType'] | undefined) ?? 'disk',
    deleteOnTermination: isTrue(wish.delete_on_termination),
    tag: wish.tag ?? null,
    volumeType: wish.volume_type || null,
  }
}

/** Where a disk comes to be that does not say. */
const DESTINATIONS = { image: 'local', blank: 'local', volume: 'volume', snapshot: 'volume' } as const

function refuseContradictions(wish: DeviceWish, isImageSent: boolean): void {
  const { source_type: source, destination_type: destination, uuid, volume_type: volumeType } = wish
  if (source === 'blank' && uuid !== undefined) throw invalid('Invalid device UUID.')
  if (source !== 'blank' && uuid === undefined) throw invalid('Missing device UUID.')
  if (source === 'image' && destination === 'local' && !(isImageSent && Number(wish.boot_index ?? -1) === 0))
    throw invalid('Mapping image to local is not supported.')
  if (destination === 'local' && volumeType)
    throw invalid('Specifying a volume_type with destination_type=local is not supported.')
  if (source === 'volume' && volumeType)
    throw invalid('Specifying volume type to existing volume is not supported.')
  if (source === undefined) throw invalid('Some required fields are missing')
}

const EPHEMERAL = /^ephemeral(\d|[1-9]\d+)$/

/** A name of swap or of an ephemeral disk, as the old syntax has them. */
export const isVirtual = (name: string): boolean => name === 'swap' || EPHEMERAL.test(name)

/** None of one that says that there is none. */
export function readOldDevice(wish: OldDeviceWish, rootName: string): Device[] {
  if (wish.no_device) return []
  const deviceName = nameOf(wish.device_name)
  const common = { ...EMPTY, deviceName, volumeSizeGb: sizeOf(wish.volume_size) }
  const { virtual_name: virtual = '', volume_id: volumeId, snapshot_id: snapshotId } = wish
  if (isVirtual(virtual))
    return [{ ...common, deleteOnTermination: true, guestFormat: virtual === 'swap' ? 'swap' : null }]
  if (snapshotId === undefined && volumeId === undefined) throw invalid('Unrecognized legacy format.')
  const source = {
    ...common,
    sourceType: snapshotId === undefined ? ('volume' as const) : ('snapshot' as const),
    destinationType: 'volume' as const,
    volumeId: snapshotId === undefined ? (volumeId ?? null) : null,
    snapshotId: snapshotId ?? null,
  }
  const bootIndex = deviceName === rootName ? 0 : -1
  return [{ ...source, bootIndex, deleteOnTermination: isTrue(wish.delete_on_termination) }]
}

const isSwap = ({ sourceType, destinationType, guestFormat }: Device): boolean =>
  sourceType === 'blank' && destinationType === 'local' && guestFormat === 'swap'
const isEphemeral = ({ sourceType, destinationType, guestFormat }: Device): boolean =>
  sourceType === 'blank' && destinationType === 'local' && guestFormat !== 'swap'

/** Swap, or an ephemeral disk, of the flavor. */
export const blank = (volumeSizeGb: number, guestFormat: string | null): Device => ({
  ...EMPTY,
  volumeSizeGb,
  guestFormat,
  deleteOnTermination: true,
})

/** Refuses a volume that is sent as the root disk beside an image that is. */
export function checkRootName(devices: readonly Device[], imageRef: string, rootName: string): void {
  const isRival = (one: Device) => one.destinationType === 'volume' && one.deviceName === rootName
  const name = rootName.slice('/dev/'.length)
  if (imageRef !== '' && devices.some(isRival))
    throw badRequest(`The volume cannot be assigned the same device name as the root device ${name}`)
}

/** The disks with those that the flavor adds. Refuses what several servers cannot share. */
export function completeDevices(
  devices: readonly Device[],
  { flavor, count, rootName }: { flavor: Flavor; count: number; rootName: string },
): Device[] {
  if (count > 1 && devices.some(({ sourceType }) => sourceType === 'volume'))
    throw badRequest('Cannot attach one or more volumes to multiple instances')
  return [
    ...devices.map((one) => (one.bootIndex === 0 ? { ...one, deviceName: one.deviceName ?? rootName } : one)),
    ...(flavor.ephemeralGb > 0 && !devices.some(isEphemeral) ? [blank(flavor.ephemeralGb, null)] : []),
    ...(flavor.swapMb > 0 && !devices.some(isSwap) ? [blank(flavor.swapMb, 'swap')] : []),
  ]
}

export const rootDevice = (devices: readonly Device[]): Device | undefined =>
  devices.find(({ bootIndex }) => bootIndex === 0)

/** Refuses an order of booting that is none: the places are 0, 1, 2 … and each is taken once. */
export function checkBootOrder(devices: readonly Device[]): void {
  const places = devices
    .map(({ bootIndex }) => bootIndex ?? -1)
    .filter((place) => place >= 0)
    .sort((a, b) => a - b)
  if (places.length === 0 || places.some((place, index) => place !== index))
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
}

const BUSES: ReadonlySet<string> = new Set([
  'fdc',
  'ide',
  'sata',
  'scsi',
  'usb',
  'virtio',
  'xen',
  'lxc',
  'uml',
])

/** Refuses a disk of a size that must be said and is not, or of no bus that there is. */
export function checkDevice(device: Device): void {
  const { sourceType, destinationType, volumeSizeGb, diskBus } = device
  if (destinationType === 'volume' && !volumeSizeGb) {
    if (sourceType === 'image')
      throw badRequest("Images with destination_type 'volume' need to have a non-zero size specified")
    if (sourceType === 'blank')
      throw badRequest("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")
  }
  if (diskBus !== null && !BUSES.has(diskBus)) throw badRequest('Block Device Mapping is Invalid.')
}

const TOO_MUCH_EPHEMERAL =
  'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.'

/** Refuses more local disks, swap or ephemeral space than there may be. `maxLocal`: -1 is any number. */
export function checkSpace(devices: readonly Device[], flavor: Flavor, maxLocal: number): void {
  const ephemeralGb = devices
    .filter(isEphemeral)
    .reduce((sum, { volumeSizeGb }) => sum + (volumeSizeGb || flavor.ephemeralGb), 0)
  if (ephemeralGb > flavor.ephemeralGb) throw badRequest(TOO_MUCH_EPHEMERAL)
  const swaps = devices.filter(isSwap)
  if (swaps.length > 1) throw invalid('More than one swap drive requested.')
  if ((swaps[0]?.volumeSizeGb ?? 0) > flavor.swapMb)
    throw badRequest('Swap drive requested is larger than instance type allows.')
  const local = devices.filter(({ destinationType }) => destinationType === 'local').length
  if (maxLocal >= 0 && local > maxLocal)
    throw invalid('You specified more local devices than the limit allows')
}

/** A disk's record, for one instance. */
export const deviceRow = (device: Device, instanceUuid: string, uuid: string): NewBlockDevice => ({
  ...device,
  instanceUuid,
  uuid,
})
