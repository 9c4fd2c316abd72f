/**
 * Rescue: the guest runs from another image, its own disks beside it. While it lasts the record holds the disks that
 * it is started with instead of its own; whatever starts it otherwise ends the rescue.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withUndo } from '#lib/undo.ts'
import type { Image } from '#model/image/index.ts'
import { type GuestDefinition, GuestRefused, type ImageSource } from '#virt/port.ts'
import type { Disk, DiskBus, DiskLayer, DiskMedium } from './disk-devices.ts'
import { makeConfigDrive, makeOverlay } from './disks.ts'
import type { GuestRecord } from './guest-store.ts'
import { findRunning, type Host } from './host.ts'
import { startGuest } from './start-guest.ts'
import { stopGuest } from './stop-guest.ts'

const DISK_FILE = 'disk.rescue'
const CONFIG_FILE = 'disk.config.rescue'

/** How the rescue disk shows itself where its image says: then all else stays as and where it was. */
interface Stable {
  readonly bus: DiskBus | undefined
  readonly medium: DiskMedium
}

/** What each medium may sit on. */
const BUSES: Readonly<Record<DiskMedium, Readonly<Record<string, DiskBus>>>> = {
  disk: { virtio: 'virtio', scsi: 'scsi', ide: 'ide', usb: 'usb' },
  cdrom: { scsi: 'scsi', ide: 'ide' },
}

const isMedium = (value: string): value is DiskMedium => Object.hasOwn(BUSES, value)

/** Undefined when the image does not say. Throws `GuestRefused` where it asks for something that is not there. */
function stableOf(image: Image | null, diskBus: DiskBus): Stable | undefined {
  const { hw_rescue_bus: bus, hw_rescue_device: medium = 'disk' } = image?.properties ?? {}
  if (bus === undefined && image?.properties['hw_rescue_device'] === undefined) return undefined
  const refuse = (property: string, value: string) =>
    new GuestRefused(`Image property ${property}='${value}' is not supported by the QEMU driver`)
  if (!isMedium(medium)) throw refuse('hw_rescue_device', medium)
  const known = BUSES[medium]
  const wanted = bus ?? (medium === 'cdrom' ? 'ide' : diskBus)
  const found = Object.hasOwn(known, wanted) ? known[wanted] : undefined
  if (!found) throw refuse('hw_rescue_bus', wanted)
  return { bus: found, medium }
}

/** A disk on the image, or, where there is none, on what the guest's own root disk stands on. */
async function makeRescueDisk(
  host: Host,
  record: GuestRecord,
  image: Image | null,
  images: ImageSource,
  signal: AbortSignal,
): Promise<DiskLayer & { readonly backing: DiskLayer }> {
  const file = join(host.store.dir(record.uuid), DISK_FILE)
  const overlay = async ({ file: base, format }: DiskLayer) => {
    await rm(file, { force: true })
    return makeOverlay(file, { file: base, format }, host.tools)
  }
  if (image !== null) return host.images.use(image, images, signal, overlay)
  const own = record.disks.find((disk) => disk.id === 'root')?.backing
  if (!own) throw new GuestRefused('A server that boots from a volume is rescued with an image of its own')
  return overlay(own)
}

/** The config drive with what is told of the rescue, or the one that there is. */
async function configDrives(host: Host, guest: GuestDefinition, record: GuestRecord): Promise<Disk[]> {
  const dir = host.store.dir(guest.uuid)
  if (!guest.configDrive) return record.disks.filter((disk) => disk.id === 'config')
  await rm(join(dir, CONFIG_FILE), { force: true })
  return [await makeConfigDrive(dir, guest.configDrive, host.tools, CONFIG_FILE)]
}

async function removeRescueFiles(host: Host, uuid: string): Promise<void> {
  for (const name of [DISK_FILE, CONFIG_FILE]) await rm(join(host.store.dir(uuid), name), { force: true })
}

/** The guest's record when it is not being rescued any more; written, if it was. */
export async function endRescue(host: Host, record: GuestRecord): Promise<GuestRecord> {
  if (!record.rescue) return record
  const { rescue: _over, ...own } = record
  await host.store.save(own)
  await removeRescueFiles(host, record.uuid)
  return own
}

const recordOf = async (host: Host, uuid: string): Promise<GuestRecord> => {
  const record = await host.store.find(uuid)
  if (!record) throw new Error(`Guest ${uuid} has no disks on this host`)
  return record
}

/**
 * Ends the guest by force and starts it from the image (null: its own), which is its first disk and its own root disk
 * the second; where the image says how it is to be seen, after all the guest's disks. On failure the guest is off.
 */
export async function rescueGuest(
  host: Host,
  guest: GuestDefinition,
  image: Image | null,
  images: ImageSource,
  signal: AbortSignal,
): Promise<void> {
  const { uuid } = guest
  const stable = stableOf(image, (await recordOf(host, uuid)).diskBus)
  await stopGuest(host, uuid, 0, signal)
  const own = await endRescue(host, await recordOf(host, uuid))
  await withUndo(async (undo) => {
    undo(async () => {
      await host.store.save(own)
      await removeRescueFiles(host, uuid)
    })
    const layers = await makeRescueDisk(host, own, image, images, signal)
    const config = await configDrives(host, guest, own)
    const medium = stable?.medium ?? 'disk'
    const disk: Disk = {
      id: 'rescue',
      ...layers,
      readOnly: medium === 'cdrom',
      medium,
      ...(stable?.bus && { bus: stable.bus }),
    }
    const others = own.disks.filter(({ id }) => id !== 'config' && (stable !== undefined || id === 'root'))
    const disks = stable ? [...others, ...config, disk] : [disk, ...others, ...config]
    await startGuest(host, guest, { ...own, rescue: { disks } }, signal)
  })
}

/** Starts the guest from its own disks. Not being rescued and running is success. */
export async function unrescueGuest(host: Host, guest: GuestDefinition, signal: AbortSignal): Promise<void> {
  const record = await recordOf(host, guest.uuid)
  if (!record.rescue && (await findRunning(host, guest.uuid))) return
  await stopGuest(host, guest.uuid, 0, signal)
  await startGuest(host, guest, await endRescue(host, await recordOf(host, guest.uuid)), signal)
}
