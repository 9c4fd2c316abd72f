/** Volumes that come and go. The record is written before a volume comes and after it went, so that it never tells less than there is. */
import { basename } from 'node:path'
import { messageOf, withUndo } from '#lib/undo.ts'
import { GuestRefused, type GuestVolume } from '#virt/port.ts'
import { blockNode, busOf, type Disk, diskDevice, diskDeviceId, SCSI_PLACE } from './disk-devices.ts'
import { volumeDisk } from './disks.ts'
import type { GuestRecord } from './guest-store.ts'
import { findRunning, type Host } from './host.ts'
import { freePort } from './places.ts'
import type { Monitor } from './qmp/monitor.ts'
import type { RunningGuest } from './running.ts'
import { unplugDevice } from './unplug.ts'

/** As many as sit on the two channels of IDE. */
const MAX_IDE_DISKS = 4

function freeId(disks: readonly Disk[]): Disk['id'] {
  const taken = new Set<string>(disks.map(({ id }) => id))
  for (let number = 0; ; number += 1) {
    const id = `volume${number}` as const
    if (!taken.has(id)) return id
  }
}

/** Memory on disk fits only the devices that there were; a rescue ends with those that it began with. */
export function requireFree({ suspended, rescue }: GuestRecord): void {
  const is = suspended ? 'suspended' : rescue ? 'rescued' : undefined
  if (is !== undefined) throw new GuestRefused(`The devices of a guest that is ${is} stay as they are`)
}

/** What IDE cannot do is said before anything is done. */
function checkRoom({ disks, diskBus }: GuestRecord, isRunning: boolean): void {
  if (diskBus !== 'ide') return
  if (isRunning) throw new GuestRefused('A disk on the bus ide cannot come while the guest runs')
  if (disks.filter((disk) => busOf(disk, diskBus) === 'ide').length >= MAX_IDE_DISKS)
    throw new GuestRefused(`The bus ide has room for ${MAX_IDE_DISKS} disks, and they are there`)
}

/** Guests that were made before volumes came and went remember only their files, which are named for them. */
const isOf =
  (volumeId: string) =>
  (disk: Disk): boolean =>
    disk.volumeId === undefined
      ? disk.id.startsWith('volume') && basename(disk.file).includes(volumeId)
      : disk.volumeId === volumeId

const isThere = async (monitor: Monitor, disk: Disk) => ({
  node: (await monitor.blockNodes()).includes(disk.id),
  device: (await monitor.devices()).some(({ id }) => id === diskDeviceId(disk)),
})

/** Gives the running guest the disk, or what it lacks of it. On failure it has nothing of it. */
async function plug(guest: RunningGuest, record: GuestRecord, disk: Disk): Promise<void> {
  const monitor = await guest.monitor()
  const there = await isThere(monitor, disk)
  if (there.device) return
  await withUndo(async (undo) => {
    undo(() => monitor.removeBlockNode(disk.id))
    if (!there.node) await monitor.addBlockNode(blockNode(disk))
    const place = record.diskBus === 'scsi' ? SCSI_PLACE : { bus: await freePort(monitor) }
    await monitor.addDevice(diskDevice(disk, record.diskBus, place))
  })
}

async function unplug(host: Host, guest: RunningGuest, disk: Disk, signal: AbortSignal): Promise<void> {
  await unplugDevice(host, guest, diskDeviceId(disk), signal)
  if (!(await findRunning(host, guest.uuid))) return
  const monitor = await guest.monitor()
  if ((await isThere(monitor, disk)).node) await monitor.removeBlockNode(disk.id)
}

const without = (record: GuestRecord, disk: Disk): GuestRecord => ({
  ...record,
  disks: record.disks.filter(({ id }) => id !== disk.id),
})

/** With the disk at its place, or after all others. */
const withDisk = (record: GuestRecord, disk: Disk): GuestRecord => ({
  ...record,
  disks: record.disks.some(({ id }) => id === disk.id)
    ? record.disks.map((each) => (each.id === disk.id ? disk : each))
    : [...record.disks, disk],
})

/** The guest has the volume from now on, whether it runs or is started later. */
export async function attachVolume(host: Host, uuid: string, volume: GuestVolume): Promise<void> {
  const record = await host.store.find(uuid)
  if (!record) throw new Error(`Guest ${uuid} is not on this host`)
  requireFree(record)
  const guest = await findRunning(host, uuid)
  const known = record.disks.find(isOf(volume.volumeId))
  if (!known) checkRoom(record, guest !== undefined)
  const disk = volumeDisk(volume, known?.id ?? freeId(record.disks))
  await host.store.save(withDisk(record, disk))
  if (!guest) return
  try {
    await plug(guest, record, disk)
  } catch (error) {
    // What may still be there is remembered: it goes when the volume is detached.
    if (!(error instanceof AggregateError)) await host.store.save(without(record, disk))
    throw new Error(`Volume ${volume.volumeId} could not be plugged in: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** The guest has the volume no more: it has let go of it when this ends, or keeps it and this throws. */
export async function detachVolume(
  host: Host,
  uuid: string,
  { volumeId }: GuestVolume,
  signal: AbortSignal,
): Promise<void> {
  const record = await host.store.find(uuid)
  const disk = record?.disks.find(isOf(volumeId))
  if (!record || !disk) return
  requireFree(record)
  if (disk.id === 'root') throw new GuestRefused('A guest cannot be without the disk that it boots from')
  const guest = await findRunning(host, uuid)
  if (guest) await unplug(host, guest, disk, signal)
  await host.store.save(without(record, disk))
}
