/** The computes of this process: one QEMU host, or any number of simulated ones. */
import { join } from 'node:path'
import type { Bus } from '#bus/port.ts'
import type { Compute } from '#compute/index.ts'
import { canStopAll, type VirtDriver } from '#virt/port.ts'
import { qemuDriver, simulatedDrivers } from '../services/drivers.ts'
import { makeCompute } from '../services/make.ts'
import type { Ground, Part } from './services.ts'
import type { DriverName } from './up-arguments.ts'

export interface ComputesOptions extends Ground {
  readonly driver: DriverName
  /** How many simulated ones. */
  readonly hosts: number
  readonly bus: Bus
}

export interface Computes extends Part {
  /** `1 QEMU host`, `50 simulated hosts`. */
  readonly about: string
  /** Stops the guests that live in processes of their own: politely, at once when `hurry` aborts. */
  stopGuests(hurry: AbortSignal | undefined): Promise<void>
}

/** So many simulated hosts register at once. */
const STARTS_AT_ONCE = 16

interface Host {
  readonly name: string
  readonly driver: VirtDriver
}

/** Makes the computes; their drivers are loaded only when they are wanted. */
export async function createComputes(options: ComputesOptions): Promise<Computes> {
  const hosts = options.driver === 'qemu' ? [await qemuHost(options)] : await simulatedHosts(options)
  const plane = await options.plane
  const log = options.logOf('nova-compute')
  const computes = hosts.map(({ name, driver }) =>
    // Without networks of our own there is no metadata service: guests learn from the config drive.
    makeCompute({ ...options, host: name, driver, log, forceConfigDrive: !plane.serves }),
  )
  return {
    name: 'nova-compute',
    about:
      options.driver === 'qemu'
        ? qemuGuests(plane.serves)
        : `simulated guests on ${hosts.length} host${hosts.length > 1 ? 's' : ''}`,
    start: () => inTurns(computes, (compute) => compute.start()),
    close: async () => void (await Promise.all(computes.map((compute) => compute.close()))),
    stopGuests: (hurry) => stopGuests(computes, hosts, hurry),
  }
}

const qemuGuests = (haveNetworks: boolean): string =>
  haveNetworks
    ? 'QEMU guests'
    : 'QEMU guests on user networking, for want of root: they reach out, and neither one another nor are reached'

const qemuHost = async (options: ComputesOptions): Promise<Host> => ({
  name: options.config.DEFAULT.host,
  driver: await qemuDriver({ ...options, log: options.logOf('virt') }),
})

async function simulatedHosts({ hosts, stateDir, clock }: ComputesOptions): Promise<Host[]> {
  const driverOf = await simulatedDrivers(clock)
  return Array.from({ length: hosts }, (_, index) => {
    const name = `fake-${index + 1}`
    return { name, driver: driverOf(join(stateDir, 'simulated', `${name}.jsonl`)) }
  })
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker))
}

async function stopGuests(
  computes: readonly Compute[],
  hosts: readonly Host[],
  hurry: AbortSignal | undefined,
): Promise<void> {
  const politely = Promise.all(computes.map((compute) => compute.stopGuests()))
  if (!hurry) return void (await politely)
  const hurried = new Promise<void>((resolve) => {
    if (hurry.aborted) resolve()
    else hurry.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([politely, hurried])
  if (!hurry.aborted) return
  // What the polite way still waits for is switched off; that it was overtaken is no failure of it.
  politely.catch(() => undefined)
  await Promise.all(hosts.map(async ({ driver }) => (canStopAll(driver) ? driver.stopAll(0) : [])))
}
