/** The virt drivers, loaded only when they are wanted. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '#config/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import type { VirtDriver } from '#virt/port.ts'

/** Guests in QEMU, with everything of theirs under `stateDir`. */
export async function qemuDriver(options: {
  readonly config: Config
  readonly stateDir: string
  readonly clock: Clock
  readonly log: Log
}): Promise<VirtDriver> {
  const { createQemuDriver } = await import('#virt/qemu/index.ts')
  const { config, stateDir, clock, log } = options
  const virtType = config.libvirt.virt_type === 'qemu' ? 'qemu' : 'auto'
  return createQemuDriver({ stateDir, clock, log, virtType })
}

/** Makes simulated hosts, each with a file for what it remembers; orders to fail count over all of them. */
export async function simulatedDrivers(clock: Clock): Promise<(stateFile: string) => VirtDriver> {
  const { createFailureCounter, createSimulatedDriver } = await import('#virt/simulated/index.ts')
  const failures = createFailureCounter()
  return (stateFile) => {
    mkdirSync(dirname(stateFile), { recursive: true })
    return createSimulatedDriver({ clock, failures, stateFile })
  }
}
