/** Taking a device out of a running guest: the guest is asked, and does it when it likes. */
import { unlessAborted } from '#lib/abort.ts'
import type { Host } from './host.ts'
import type { DeviceEvent } from './qmp/device-commands.ts'
import type { Monitor } from './qmp/monitor.ts'
import type { RunningGuest } from './running.ts'

type Outcome = DeviceEvent['kind'] | 'late'

/** Asks once, and waits for what becomes of it. A guest that ends has no device any more. */
async function askOnce(
  { clock, options }: Host,
  { guest, monitor }: { readonly guest: RunningGuest; readonly monitor: Monitor },
  id: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const heard = Promise.withResolvers<Outcome>()
  const forget = monitor.onDevice((event) => {
    if (event.id === id) heard.resolve(event.kind)
  })
  const over = new AbortController()
  try {
    await monitor.askOut(id)
    const late = clock
      .sleep(options.detachTimeoutMs, AbortSignal.any([signal, over.signal]))
      .then((): Outcome => 'late')
    const ended = guest.gone.then((): Outcome => 'deleted')
    return await unlessAborted(signal, Promise.race([heard.promise, ended, late]))
  } finally {
    over.abort()
    forget()
  }
}

/**
 * Resolves when the guest has let go of the device; one that is not there has gone. A guest that does not answer is
 * asked again, as one that starts up misses it; throws when it keeps the device in the end.
 */
export async function unplugDevice(
  host: Host,
  guest: RunningGuest,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= host.options.detachAttempts; attempt += 1) {
    const monitor = await guest.monitor()
    const isThere = (await monitor.devices()).some((device) => device.id === id)
    const outcome = isThere ? await askOnce(host, { guest, monitor }, id, signal) : 'deleted'
    if (outcome === 'deleted') return
    if (outcome === 'kept') break
  }
  throw new Error(`The guest does not let go of its device ${id}`)
}
