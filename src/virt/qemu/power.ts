/** Power on and reboot of a guest that has been made. */
import type { GuestDefinition } from '#virt/port.ts'
import { makeConfigDrive } from './disks.ts'
import type { GuestRecord } from './guest-store.ts'
import { findRunning, type Host } from './host.ts'
import { startGuest } from './start-guest.ts'
import { stopGuest } from './stop-guest.ts'

async function recordOf(host: Host, guest: GuestDefinition): Promise<GuestRecord> {
  const record = await host.store.find(guest.uuid)
  if (!record) throw new Error(`Guest ${guest.uuid} has no disks on this host`)
  const hasConfigDrive = record.disks.some((disk) => disk.id === 'config')
  if (hasConfigDrive || !guest.configDrive) return record
  const config = await makeConfigDrive(host.store.dir(guest.uuid), guest.configDrive, host.tools)
  return { ...record, disks: [...record.disks, config] }
}

/** Starts a stopped guest. Running already is success. */
export async function powerOn(host: Host, guest: GuestDefinition, signal: AbortSignal): Promise<void> {
  if (await findRunning(host, guest.uuid)) return
  await startGuest(host, guest, await recordOf(host, guest), signal)
}

/**
 * Soft: the guest is asked to power off, then started; one that does not obey is rebooted hard. Hard: QEMU
 * is ended and started anew with everything as it should be now, as Nova's hard reboot does.
 */
export async function reboot(
  host: Host,
  guest: GuestDefinition,
  type: 'soft' | 'hard',
  signal: AbortSignal,
): Promise<void> {
  await stopGuest(host, guest.uuid, type === 'soft' ? host.options.softRebootTimeoutMs : 0, signal)
  await startGuest(host, guest, await recordOf(host, guest), signal)
}
