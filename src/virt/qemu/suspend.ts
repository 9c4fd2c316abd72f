/**
 * Suspending a guest and resuming it. The record says which of the two truths holds: a guest with `suspended` in its
 * record is its file of memory, whatever process there may be; one without is its process. It is written after the
 * memory is whole on disk and before QEMU ends, and taken out after the memory is back and before a vCPU runs.
 */
import { withUndo } from '#lib/undo.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type GuestDefinition, NotSupported } from '#virt/port.ts'
import { hardwareOf } from './hardware.ts'
import { findRunning, type Host } from './host.ts'
import { isSuspended, loadMemory, removeMemory, saveMemory, type SuspendedRecord } from './memory.ts'
import { commandLineOf } from './process.ts'
import type { Monitor } from './qmp/monitor.ts'
import type { RunningGuest } from './running.ts'
import { startProcess } from './start-guest.ts'
import { endGuest } from './stop-guest.ts'

const DEVICE_ID = /(?:^|,)id=([^,]+)/

/** Memory fits only the devices that were there: those on the command line, no more and no fewer. */
async function checkDevices(args: readonly string[], monitor: Monitor): Promise<void> {
  const told = args
    .filter((_, index) => args[index - 1] === '-device')
    .flatMap((device) => DEVICE_ID.exec(device)?.[1] ?? [])
  const there = (await monitor.devices()).map(({ id }) => id)
  if (told.toSorted().join() === there.toSorted().join()) return
  throw new NotSupported(
    'A volume or an interface came or went since the server was started: it can be suspended when it has been rebooted by force.',
  )
}

/** The running QEMU's own arguments, its machine with its version: memory fits no other hardware. */
async function argumentsOf(guest: RunningGuest, monitor: Monitor): Promise<readonly string[]> {
  const machine = await monitor.queryMachine()
  const [, ...args] = await commandLineOf(guest.process.pid)
  if (args.length === 0) throw new Error(`Guest ${guest.uuid} has ended`)
  await checkDevices(args, monitor)
  const incoming = args.indexOf('-incoming')
  if (incoming >= 0) args.splice(incoming, 2)
  const at = args.indexOf('-machine') + 1
  return args.with(at, (args[at] ?? '').replace(/^[^,]*/, machine))
}

/** Puts the guest's memory into a file and ends its QEMU. Suspended already is success; on failure the guest goes on. */
export async function suspendGuest(host: Host, uuid: string, signal: AbortSignal): Promise<void> {
  const record = await host.store.find(uuid)
  const guest = await findRunning(host, uuid)
  if (record && isSuspended(record) && !guest) return
  if (!record || !guest) throw new Error(`Guest ${uuid} is not running`)
  const monitor = await guest.monitor()
  await withUndo(async (undo) => {
    if (guest.powerState() !== POWER_STATES.paused)
      undo(async () => {
        guest.expectState(POWER_STATES.running)
        await monitor.cont()
      })
    guest.expectState(POWER_STATES.paused)
    await monitor.stop()
    const args = await argumentsOf(guest, monitor)
    undo(() => monitor.migrateCancel())
    await saveMemory(host, uuid, monitor, signal)
    await host.store.save({ ...record, suspended: { args } })
  })
  guest.expectEnd()
  await endGuest(host, guest)
}

/** The guest goes on where it stood when it was suspended. */
export async function resumeSuspended(
  host: Host,
  guest: GuestDefinition,
  record: SuspendedRecord,
  signal: AbortSignal,
): Promise<void> {
  const { uuid } = guest
  const { suspended, ...awake } = record
  const run = async (monitor: Monitor) => {
    await loadMemory(host, uuid, monitor, signal)
    const { taps } = (await host.store.find(uuid)) ?? record
    await host.store.save({ ...awake, taps })
    await monitor.cont()
  }
  const args = [...suspended.args, '-incoming', 'defer']
  const { guestAgent } = hardwareOf(guest, host.options.machineType)
  await startProcess(host, guest, record, { args, guestAgent, run }, signal)
  await removeMemory(host, uuid)
}
