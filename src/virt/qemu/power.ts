/** Power on and reboot of a guest that has been made. */
import { POWER_STATES } from '#model/instance/index.ts'
import type { GuestDefinition } from '#virt/port.ts'
import { makeConfigDrive } from './disks.ts'
import type { GuestRecord } from './guest-store.ts'
import { findRunning, type Host } from './host.ts'
import { isSuspended } from './memory.ts'
import { endRescue } from './rescue.ts'
import { startGuest } from './start-guest.ts'
import { stopGuest } from './stop-guest.ts'
import { resumeSuspended } from './suspend.ts'

async function recordOf(host: Host, guest: GuestDefinition): Promise<GuestRecord> {
  const found = await host.store.find(guest.uuid)
  if (!found) throw new Error(`Guest ${guest.uuid} has no disks on this host`)
  const record = await endRescue(host, found)
  const hasConfigDrive = record.disks.some((disk) => disk.id === 'config')
  if (hasConfigDrive || !guest.configDrive) return record
  const config = await makeConfigDrive(host.store.dir(guest.uuid), guest.configDrive, host.tools)
  return { ...record, disks: [...record.disks, config] }
}

/** Starts a stopped guest; a suspended one goes on. Running already is success. */
export async function powerOn(host: Host, guest: GuestDefinition, signal: AbortSignal): Promise<void> {
  if (await findRunning(host, guest.uuid)) return
  const record = await recordOf(host, guest)
  if (isSuspended(record)) await resumeSuspended(host, guest, record, signal)
  else await startGuest(host, guest, record, signal)
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

/** A suspended guest goes on where it stood, a paused one too; one that runs already is left alone. */
export async function resumeGuest(host: Host, guest: GuestDefinition, signal: AbortSignal): Promise<void> {
  const running = await findRunning(host, guest.uuid)
  if (!running) return powerOn(host, guest, signal)
  if (running.powerState() !== POWER_STATES.paused) return
  running.expectState(POWER_STATES.running)
  await (await running.monitor()).cont()
}
