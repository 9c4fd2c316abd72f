/** The disks of a create that Cinder and Glance know more of: found as the caller sees them, and reserved. */
import type { ApiConfig, Services } from '#api/kernel/index.ts'
import { badRequest, isFault } from '#lib/fault.ts'
import type { Undo } from '#lib/undo.ts'
import type { Image } from '#model/image/index.ts'
import type { Caller, Volume } from '#neighbours/volumes/port.ts'
import { checkDevice, type Device } from './block-devices.ts'

const unfound = (what: string, id: string | null) =>
  badRequest(`Block Device Mapping is Invalid: failed to get ${what} ${id}.`)

type Neighbours = Pick<Services, 'volumes' | 'images'>

/** What is known of the image behind a root disk, and remembered with the server. */
export type BootImage = Pick<
  Image,
  'properties' | 'minDiskGb' | 'minRamMb' | 'diskFormat' | 'containerFormat'
>

/** What Cinder keeps of a volume's image beside the image's properties. */
const FIELDS: ReadonlySet<string> = new Set([
  'image_id',
  'image_name',
  'checksum',
  'size',
  'min_ram',
  'min_disk',
  'disk_format',
  'container_format',
])

/** The image behind a root disk that is a volume, or will be one. Refuses one that cannot boot. */
export async function bootImageOf(
  { imageId, snapshotId, volumeId }: Device,
  { volumes, images }: Neighbours,
  caller: Caller,
): Promise<BootImage> {
  if (imageId !== null) {
    const image = await images.find(imageId, caller)
    if (!image) throw unfound('image', imageId)
    if (image.status !== 'active') throw badRequest(`Image ${imageId} is not active.`)
    return image
  }
  const snapshot = snapshotId === null ? undefined : await volumes.findSnapshot(snapshotId, caller)
  if (snapshotId !== null && !snapshot) throw unfound('snapshot', snapshotId)
  const id = snapshot?.volumeId ?? volumeId
  const volume = id === null ? undefined : await volumes.find(id, caller)
  if (id !== null && !volume) throw unfound('volume', id)
  if (volume && !volume.bootable) throw badRequest(`Block Device ${id} is not bootable.`)
  const facts = volume?.imageMetadata ?? {}
  return {
    properties: Object.fromEntries(Object.entries(facts).filter(([name]) => !FIELDS.has(name))),
    minDiskGb: Number(facts['min_disk'] ?? 0),
    minRamMb: Number(facts['min_ram'] ?? 0),
    diskFormat: facts['disk_format'] ?? null,
    containerFormat: facts['container_format'] ?? null,
  }
}

/** What the disks are made of, and the volumes among them. */
export interface Sources {
  readonly devices: Device[]
  readonly volumes: readonly Volume[]
}

/** The disks with the sizes and types of what they are made of. Refuses what is not there, or not the caller's to see. */
export async function findSources(
  devices: readonly Device[],
  { volumes, images }: Neighbours,
  { caller, imageRef, mayShare }: { caller: Caller; imageRef: string; mayShare: boolean },
): Promise<Sources> {
  const existing = new Map<string, Volume>()
  for (const { volumeId } of devices) {
    if (volumeId === null) continue
    const volume = await volumes.find(volumeId, caller)
    if (!volume) throw badRequest(`Volume ${volumeId} could not be found.`)
    existing.set(volumeId, volume)
  }
  const typed = await typesOf(devices, volumes, caller)
  const found: Device[] = []
  for (const device of devices) {
    const { imageId, snapshotId, volumeId } = device
    if (imageId !== null && imageId !== imageRef && !(await images.find(imageId, caller)))
      throw unfound('image', imageId)
    const volume = volumeId === null ? undefined : existing.get(volumeId)
    if (volume?.multiattach && !mayShare)
      throw badRequest('Multiattach volumes are only supported starting with compute API version 2.60.')
    const snapshot = snapshotId === null ? undefined : await volumes.findSnapshot(snapshotId, caller)
    if (snapshotId !== null && !snapshot) throw unfound('snapshot', snapshotId)
    const volumeSizeGb = volume?.sizeGb ?? (device.volumeSizeGb || snapshot?.sizeGb) ?? device.volumeSizeGb
    checkDevice(device)
    found.push({ ...device, volumeSizeGb, volumeType: typed(device) })
  }
  return { devices: found, volumes: [...existing.values()] }
}

/** Tells the name of a disk's type, which may be asked for by its id. Refuses one that Cinder does not have. */
async function typesOf(
  devices: readonly Device[],
  volumes: Neighbours['volumes'],
  caller: Caller,
): Promise<(device: Device) => string | null> {
  const isTyped = devices.some(({ volumeType }) => volumeType !== null)
  const types = isTyped ? await volumes.listTypes(caller) : []
  return ({ volumeType: asked }) => {
    if (asked === null) return null
    const type = types.find(({ id, name }) => id === asked || name === asked)
    if (!type) throw badRequest(`Volume type ${asked} could not be found.`)
    return type.name
  }
}

const otherZone = (why: string) =>
  badRequest(`The availability zone between the server and its attached volumes do not match: ${why}.`)

/** The zone of a new server, where volumes stay in theirs: one that asks for none goes where its volumes are. */
export function zoneWithVolumes(
  volumes: readonly Volume[],
  zone: string | null,
  config: Pick<ApiConfig, 'attachesAcrossZones' | 'defaultAvailabilityZone'>,
): string | null {
  const zones = [...new Set(volumes.map(({ availabilityZone }) => availabilityZone))]
  const [theirs = null] = zones
  if (config.attachesAcrossZones || volumes.length === 0) return zone
  if (zones.length > 1) {
    const all = volumes.map(({ availabilityZone }) => availabilityZone).join(',')
    throw otherZone(`Volumes are in different availability zones: ${all}`)
  }
  // The default zone is no place to be bound to: a server that asks for none is there anyhow.
  if (zone === null) return theirs === config.defaultAvailabilityZone ? null : theirs
  if (zone === theirs) return zone
  throw otherZone(
    `Server and volumes are not in the same availability zone. Server is in: ${zone}. Volumes are in: ${theirs}`,
  )
}

/** Reserves the volumes for an instance; they are let go again when the create fails after all. */
export async function reserveVolumes(
  devices: readonly Device[],
  { volumes }: Pick<Services, 'volumes'>,
  instanceUuid: string,
  undo: Undo,
): Promise<Device[]> {
  const reserved: Device[] = []
  for (const device of devices) {
    if (device.volumeId === null) {
      reserved.push(device)
      continue
    }
    const attachment = await volumes.reserve(device.volumeId, instanceUuid).catch((error: unknown) => {
      if (isFault(error, 'badRequest')) throw badRequest(`Invalid volume: ${error.message}`, { cause: error })
      throw error
    })
    undo(() => volumes.release(attachment.id))
    reserved.push({ ...device, attachmentId: attachment.id })
  }
  return reserved
}
