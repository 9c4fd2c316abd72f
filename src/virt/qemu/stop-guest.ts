/** Stopping and removing a guest: the power button first, then QEMU is told to quit, then the process is ended. */
import { unlessAborted } from '#lib/abort.ts'
import type { Vif } from '#model/network/index.ts'
import { within } from './deadline.ts'
import { findRunning, type Host } from './host.ts'
import { forgetMemory } from './memory.ts'
import { endProcess } from './process.ts'
import type { RunningGuest } from './running.ts'
import { tapNames } from './taps.ts'

/** A guest early in its boot misses the button: it is pressed again now and then. Nova's `shutdown_retry_interval`. */
const BUTTON_INTERVAL_MS = 10_000
const QUIT_TIMEOUT_MS = 5_000

/** Presses the power button until the guest obeys; false when it has not after `timeoutMs`. */
async function shutDown(
  host: Host,
  guest: RunningGuest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const end = host.clock.now() + timeoutMs
  const gone = guest.gone.then(() => true)
  for (let left = timeoutMs; left > 0; left = end - host.clock.now()) {
    const pressed = guest.monitor().then((monitor) => monitor.systemPowerdown())
    // A guest that ends while the button is pressed has obeyed.
    pressed.catch(() => undefined)
    const pause = host.clock.sleep(Math.min(left, BUTTON_INTERVAL_MS), signal).then(() => false)
    if (await Promise.race([gone, pause])) return true
  }
  return false
}

/** Ends QEMU, its disks flushed if it still listens. */
export async function endGuest(host: Host, guest: RunningGuest): Promise<void> {
  const quit = async () => {
    const monitor = await guest.monitor()
    await Promise.race([monitor.quit(), monitor.closed])
    await guest.gone
  }
  try {
    await within(host.clock, QUIT_TIMEOUT_MS, 'quit', quit())
  } catch (error) {
    host.log.warn({ err: error, instance: guest.uuid }, 'QEMU does not quit: ending its process')
    await endProcess(guest.process, QUIT_TIMEOUT_MS, host.clock)
    await guest.gone
  }
}

/** Stops the guest: by the power button for `timeoutMs`, then by force. Not running is success; what a suspended one remembers is lost. */
export async function stopGuest(
  host: Host,
  uuid: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const guest = await findRunning(host, uuid)
  if (!guest) return forgetMemory(host, uuid)
  guest.expectEnd()
  if (timeoutMs > 0 && (await unlessAborted(signal, shutDown(host, guest, timeoutMs, signal)))) return
  await endGuest(host, guest)
}

/** Removes the guest with all that is its own. Nothing there is success. */
export async function destroyGuest(
  host: Host,
  uuid: string,
  vifs: readonly Vif[],
  signal: AbortSignal,
): Promise<void> {
  await stopGuest(host, uuid, 0, signal)
  const record = await host.store.find(uuid)
  await host.taps.unplug([...new Set([...(record?.taps ?? []), ...tapNames(vifs)])])
  await host.store.remove(uuid)
}
