/** Making a guest: image, disks, config drive, record, start. On failure nothing of it is left. */
import { withUndo } from '#lib/undo.ts'
import { type GuestDefinition, GuestRefused, type ImageSource, SpawnFailed } from '#virt/port.ts'
import type { Disk } from './disk-devices.ts'
import { checkFits, makeConfigDrive, makeFurtherDisks, makeRootDisk, volumeDisks } from './disks.ts'
import type { GuestRecord } from './guest-store.ts'
import { hardwareOf } from './hardware.ts'
import { findRunning, type Host } from './host.ts'
import { startGuest } from './start-guest.ts'
import { ToolMissing } from './tools.ts'

/** The folder of a guest's disks, and in it its root disk, unless that is a volume. */
async function makeOwnRoot(
  { store, tools, images: cache }: Host,
  { image, uuid, flavor }: GuestDefinition,
  images: ImageSource,
  signal: AbortSignal,
): Promise<{ dir: string; roots: readonly Disk[] }> {
  if (image === null) return { dir: await store.create(uuid), roots: [] }
  if (image.virtualSize !== null) checkFits(flavor, image.virtualSize)
  return cache.use(image, images, signal, async (base) => {
    const dir = await store.create(uuid)
    return { dir, roots: [await makeRootDisk(dir, flavor, base, tools)] }
  })
}

async function makeDisks(
  host: Host,
  guest: GuestDefinition,
  images: ImageSource,
  signal: AbortSignal,
): Promise<Disk[]> {
  const { tools } = host
  const volumes = volumeDisks(guest.volumes ?? [])
  const { dir, roots } = await makeOwnRoot(host, guest, images, signal)
  if (roots.length === 0 && !volumes.some(({ id }) => id === 'root'))
    throw new GuestRefused('There is neither an image nor a volume to boot from')
  const disks = [...roots, ...(await makeFurtherDisks(dir, guest.flavor, tools)), ...volumes]
  if (guest.configDrive) disks.push(await makeConfigDrive(dir, guest.configDrive, tools))
  signal.throwIfAborted()
  return disks
}

/** The record of a guest whose disks are whole: an earlier attempt's, or made now. */
async function recordFor(
  host: Host,
  guest: GuestDefinition,
  images: ImageSource,
  signal: AbortSignal,
): Promise<GuestRecord> {
  const { uuid, name, madeBy } = guest
  const { diskBus } = hardwareOf(guest, host.options.machineType)
  const earlier = await host.store.find(uuid)
  if (earlier) return earlier
  const disks = await makeDisks(host, guest, images, signal)
  const record: GuestRecord = {
    version: 1,
    uuid,
    name,
    disks,
    diskBus,
    taps: [],
    ...(madeBy !== undefined && { madeBy }),
  }
  await host.store.save(record)
  return record
}

/** A failure as the port has them: what another host may do better, and what none will. */
function asSpawnFailure(error: unknown): Error {
  const first = error instanceof AggregateError ? error.cause : error
  if (first instanceof GuestRefused || first instanceof SpawnFailed) return first
  if (first instanceof ToolMissing) return new SpawnFailed(first.message, { cause: error })
  return new SpawnFailed('The guest could not be made', { cause: error })
}

/** Done twice is done once: a guest that runs already is left alone, whole disks are used as they are. */
export async function spawnGuest(
  host: Host,
  guest: GuestDefinition,
  images: ImageSource,
  signal: AbortSignal,
): Promise<void> {
  if (await findRunning(host, guest.uuid)) return
  try {
    // Without QEMU nothing need be downloaded to know.
    await host.tools.find(host.options.qemuBinary)
    await withUndo(async (undo) => {
      undo(() => host.store.remove(guest.uuid))
      const record = await recordFor(host, guest, images, signal)
      await startGuest(host, guest, record, signal)
    })
    host.log.info({ at: 'virt/qemu/spawn', instance: guest.uuid }, 'guest started')
  } catch (error) {
    throw asSpawnFailure(error)
  }
}
