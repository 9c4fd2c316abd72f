/** What a QEMU guest can do beyond the core. */
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { POWER_STATES } from '#model/instance/index.ts'
import type {
  CanBootFromVolumes,
  CanDumpCrash,
  CanGrowDisks,
  CanPause,
  CanRescue,
  CanSnapshot,
  CanSuspend,
  DiskSnapshot,
  GuestDiagnostics,
  GuestDefinition,
  HasDiagnostics,
} from '#virt/port.ts'
import { growDisk } from './disks.ts'
import { findRunning, type Host } from './host.ts'
import { isSuspended } from './memory.ts'
import { resumeGuest } from './power.ts'
import { rescueGuest, unrescueGuest } from './rescue.ts'
import type { RunningGuest } from './running.ts'
import { suspendGuest } from './suspend.ts'

export type Abilities = CanPause &
  CanDumpCrash &
  CanBootFromVolumes &
  CanGrowDisks &
  CanSnapshot &
  CanSuspend &
  CanRescue &
  HasDiagnostics

type Exclusively = <T>(uuid: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>

/** Copying a large disk takes its time. */
const SNAPSHOT_TIMEOUT_MS = 4 * 3_600_000

export function abilitiesOf(host: Host, exclusively: Exclusively): Abilities {
  const running = async (uuid: string): Promise<RunningGuest> => {
    const guest = await findRunning(host, uuid)
    if (!guest) throw new Error(`Guest ${uuid} is not running`)
    return guest
  }
  return {
    pause: (uuid) => exclusively(uuid, async () => pause(await running(uuid))),
    unpause: (uuid) => exclusively(uuid, async () => unpause(await running(uuid))),
    suspend: (uuid) => exclusively(uuid, (signal) => suspendGuest(host, uuid, signal)),
    resume: (guest) => exclusively(guest.uuid, (signal) => resumeGuest(host, guest, signal)),
    rescue: (guest, image, images) =>
      exclusively(guest.uuid, (signal) => rescueGuest(host, guest, image, images, signal)),
    unrescue: (guest) => exclusively(guest.uuid, (signal) => unrescueGuest(host, guest, signal)),
    triggerCrashDump: (uuid) =>
      exclusively(uuid, async () => (await (await running(uuid)).monitor()).injectNmi()),
    snapshot: (uuid) => exclusively(uuid, () => snapshot(host, uuid)),
    bootsFromVolumes: true,
    growDisks: (guest) => exclusively(guest.uuid, () => growRootDisk(host, guest)),
    diagnostics: (uuid) => diagnostics(host, uuid),
  }
}

async function pause(guest: RunningGuest): Promise<void> {
  const monitor = await guest.monitor()
  guest.expectState(POWER_STATES.paused)
  await monitor.stop()
}

async function unpause(guest: RunningGuest): Promise<void> {
  const monitor = await guest.monitor()
  guest.expectState(POWER_STATES.running)
  await monitor.cont()
}

/** Ephemeral disks and swap stay as they were made, as with libvirt's raw ones. */
async function growRootDisk(host: Host, { uuid, flavor, image }: GuestDefinition): Promise<void> {
  // A volume is as large as its owner made it.
  if (image === null || (await findRunning(host, uuid))) return
  const record = await host.store.find(uuid)
  const root = record?.disks.find((disk) => disk.id === 'root')
  if (!root) throw new Error(`Guest ${uuid} has no root disk on this host`)
  await growDisk(root, flavor.rootGb, host.tools)
}

/** A guest that runs stands still while its disk is copied: what it has written is on the disk then, and nothing of what comes. */
async function snapshot(host: Host, uuid: string): Promise<DiskSnapshot> {
  const record = await host.store.find(uuid)
  const root = record?.disks.find((disk) => disk.id === 'root')
  if (!root) throw new Error(`Guest ${uuid} has no root disk on this host`)
  const file = join(host.store.dir(uuid), 'snapshot')
  const discard = () => rm(file, { force: true })
  const guest = await findRunning(host, uuid)
  const stands = guest?.powerState() === POWER_STATES.running ? guest : undefined
  try {
    if (stands) await pause(stands)
    const args = ['convert', '-q', '-U', '-f', root.format, '-O', 'qcow2', root.file, file]
    await host.tools.run('qemu-img', args, { timeoutMs: SNAPSHOT_TIMEOUT_MS })
  } catch (error) {
    await discard()
    throw error
  } finally {
    if (stands) await unpause(stands)
  }
  return { diskFormat: 'qcow2', bytes: createReadStream(file), discard }
}

async function diagnostics(host: Host, uuid: string): Promise<GuestDiagnostics> {
  const record = await host.store.find(uuid)
  const guest = await findRunning(host, uuid)
  const known = { hypervisor: 'qemu', hypervisorOs: 'linux' }
  const state = record && isSuspended(record) ? 'suspended' : 'shutdown'
  if (!record || !guest) return { ...known, state, memoryMb: 0, cpus: [], disks: [], nics: [] }
  const monitor = await guest.monitor()
  const [memoryBytes, cpus, disks] = [
    await monitor.queryMemory(),
    await monitor.queryCpus(),
    await monitor.queryBlockStats(),
  ]
  return {
    ...known,
    state: guest.powerState() === POWER_STATES.paused ? 'paused' : 'running',
    memoryMb: Math.floor(memoryBytes / 1024 ** 2),
    cpus: cpus.map((id) => ({ id })),
    disks: disks.map((disk) => ({
      readBytes: disk.rd_bytes,
      readRequests: disk.rd_operations,
      writeBytes: disk.wr_bytes,
      writeRequests: disk.wr_operations,
      errors: disk.failed_rd_operations + disk.failed_wr_operations,
    })),
    nics: [],
  }
}
