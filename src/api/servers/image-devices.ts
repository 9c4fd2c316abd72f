/** Disks that an image defines (`block_device_mapping` of its properties): those of a server that booted from volumes. */
import { badRequest } from '#lib/fault.ts'
import type { Image } from '#model/image/index.ts'
import { type Device, type DeviceWish, readDevices, rootDevice } from './block-devices.ts'

const invalid = (imageId: string) => badRequest(`Block Device Mapping is Invalid: of image ${imageId}.`)

const SOURCES: ReadonlySet<unknown> = new Set(['volume', 'image', 'snapshot', 'blank'])

/** The disks of both; those that were sent win over those of the image, but not over its root disk. */
export function withImageDevices(sent: readonly Device[], image: Image | null): readonly Device[] {
  const defined = image ? imageDevices(image) : []
  const isImplied = ({ bootIndex, sourceType }: Device) => bootIndex === 0 && sourceType === 'image'
  const kept = rootDevice(defined) ? sent.filter((device) => !isImplied(device)) : sent
  const names = new Set(kept.flatMap(({ deviceName }) => deviceName ?? []))
  return [...kept, ...defined.filter(({ deviceName }) => deviceName === null || !names.has(deviceName))]
}

/** In the second syntax alone: the first ended before the images that are made today. */
function imageDevices({ id, properties }: Image): Device[] {
  const { block_device_mapping: text, bdm_v2: isSecond } = properties
  if (text === undefined || !/^(true|1|yes)$/i.test(isSecond ?? '')) return []
  const wishes = parsed(text).map((entry) => wishOf(entry))
  if (!wishes.every((wish) => wish !== undefined)) throw invalid(id)
  return readDevices({ block_device_mapping_v2: wishes, imageRef: id })

  function parsed(json: string): readonly unknown[] {
    try {
      const value: unknown = JSON.parse(json)
      if (Array.isArray(value)) return value
    } catch (error) {
      throw badRequest(invalid(id).message, { cause: error })
    }
    throw invalid(id)
  }
}

/** One of them as if it had been sent; undefined when it is none. */
function wishOf(entry: unknown): DeviceWish | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const of = entry as Readonly<Record<string, unknown>>
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
