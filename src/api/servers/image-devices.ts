/**
 * Disks that an image defines by its properties: `block_device_mapping`, in either syntax, of a server that booted from
 * volumes; `mappings`, which names the flavor's own disks; and what the root disk is called.
 */
import { badRequest } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import {
  blank,
  type Device,
  type DeviceWish,
  isVirtual,
  nameOf,
  type OldDeviceWish,
  readDevices,
  readOldDevice,
  ROOT_DEVICE,
  rootDevice,
} from './block-devices.ts'

const invalid = (imageId: string) => badRequest(`Block Device Mapping is Invalid: of image ${imageId}.`)

const SOURCES: ReadonlySet<unknown> = new Set(['volume', 'image', 'snapshot', 'blank'])

/** What was sent, and for whom. */
interface Sending {
  readonly sent: {
    readonly block_device_mapping?: readonly OldDeviceWish[] | undefined
    readonly block_device_mapping_v2?: readonly DeviceWish[] | undefined
  }
  readonly flavor: Flavor
}

/** The disks of both; those that were sent, if only to say that there is none, win over those of the image, but not over its root disk. */
export function withImageDevices(
  wished: readonly Device[],
  image: Image | null,
  { sent, flavor }: Sending,
): readonly Device[] {
  const defined = image ? imageDevices(image, flavor) : []
  const isImplied = ({ bootIndex, sourceType }: Device) => bootIndex === 0 && sourceType === 'image'
  const kept = rootDevice(defined) ? wished.filter((device) => !isImplied(device)) : wished
  const wishes = [...(sent.block_device_mapping ?? []), ...(sent.block_device_mapping_v2 ?? [])]
  return overriding([...kept], defined, [
    ...kept.map(({ deviceName }) => deviceName),
    ...wishes.map((one) => nameOf(one.device_name)),
  ])
}

/** All of the first, and those of the others that go by no name of these. */
function overriding(
  first: readonly Device[],
  others: readonly Device[],
  names: readonly (string | null)[] = first.map(({ deviceName }) => deviceName),
): Device[] {
  return [...first, ...others.filter(({ deviceName }) => deviceName === null || !names.includes(deviceName))]
}

/** What an image says that its root disk is called. */
export function rootNameOf(image: Image | null): string {
  const root = image && mappingsOf(image).find(({ virtual }) => virtual === 'root')?.device
  return nameOf((image?.properties['root_device_name'] ?? root) || undefined) ?? ROOT_DEVICE
}

function imageDevices(image: Image, flavor: Flavor): Device[] {
  const { block_device_mapping: text, bdm_v2: isSecond } = image.properties
  const isOld = !/^(true|1|yes)$/i.test(isSecond ?? '')
  const devices = text === undefined ? [] : mappedDevices(image, entriesOf(image, text), isOld)
  return overriding(devices, virtualDevices(image, flavor))
}

function mappedDevices(image: Image, entries: readonly Entry[], isOld: boolean): Device[] {
  const { id } = image
  if (isOld) return entries.flatMap((entry) => readOldDevice(oldWishOf(entry, id), rootNameOf(image)))
  const wishes = entries.map((entry) => wishOf(entry))
  if (!wishes.every((wish) => wish !== undefined)) throw invalid(id)
  return readDevices({ block_device_mapping_v2: wishes, imageRef: id })
}

/** The flavor's swap and ephemeral disks, by the names that the image has for them. */
function virtualDevices(image: Image, { swapMb, ephemeralGb }: Flavor): Device[] {
  return mappingsOf(image).flatMap(({ virtual, device, guestFormat }) => {
    if (!isVirtual(virtual)) return []
    const size = virtual === 'swap' ? swapMb : ephemeralGb
    const format = virtual === 'swap' ? 'swap' : guestFormat
    return size === 0 ? [] : [{ ...blank(size, format), deviceName: nameOf(device) }]
  })
}

interface Mapping {
  readonly virtual: string
  readonly device: string
  readonly guestFormat: string | null
}

function mappingsOf(image: Image): Mapping[] {
  const text = image.properties['mappings']
  const entries = text === undefined ? [] : entriesOf(image, text)
  return entries.map(({ virtual, device, guest_format: format }) => {
    if (typeof virtual !== 'string' || typeof device !== 'string') throw invalid(image.id)
    return { virtual, device, guestFormat: typeof format === 'string' ? format : null }
  })
}

type Entry = Readonly<Record<string, unknown>>

/** A property that is a list, as JSON. */
function entriesOf({ id }: Image, text: string): readonly Entry[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (error) {
    throw badRequest(invalid(id).message, { cause: error })
  }
  const isEntry = (entry: unknown): entry is Entry => typeof entry === 'object' && entry !== null
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw invalid(id)
  return entries
}

/** One in the first syntax as if it had been sent. */
function oldWishOf(entry: Entry, imageId: string): OldDeviceWish {
  const text = (name: string): string | undefined => {
    const value = entry[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw invalid(imageId)
    return value
  }
  const size = Number(entry['volume_size'] ?? 0)
  return {
    device_name: text('device_name'),
    virtual_name: text('virtual_name'),
    volume_id: text('volume_id'),
    snapshot_id: text('snapshot_id'),
    ...(Number.isInteger(size) && size > 0 && { volume_size: size }),
    delete_on_termination: entry['delete_on_termination'] === true,
    no_device: entry['no_device'] ?? undefined,
  }
}

/** One of them as if it had been sent; undefined when it is none. */
function wishOf(of: Entry): DeviceWish | undefined {
  const source = of['source_type']
  if (!SOURCES.has(source)) return undefined
  const text = (name: string) => (typeof of[name] === 'string' ? { [name]: of[name] } : {})
  const uuid = source === 'blank' ? undefined : of[`${String(source)}_id`]
  const size = Number(of['volume_size'] ?? 0)
  const boot = of['boot_index']
  return {
    source_type: source as DeviceWish['source_type'],
    ...(typeof uuid === 'string' && { uuid }),
    ...(of['destination_type'] === 'local' || of['destination_type'] === 'volume'
      ? { destination_type: of['destination_type'] }
      : {}),
    boot_index: typeof boot === 'number' || typeof boot === 'string' ? boot : null,
    ...(Number.isInteger(size) && size > 0 && { volume_size: size }),
    ...text('volume_type'),
    ...text('tag'),
    ...text('device_name'),
    ...text('device_type'),
    ...text('disk_bus'),
    ...text('guest_format'),
    delete_on_termination: of['delete_on_termination'] === true,
    no_device: of['no_device'] ?? undefined,
  }
}
