/** Erasing a state directory, and first ending what a killed cloud left running on it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { createPlane } from './plane.ts'
import { eraseStateDir, isStateDir } from './state-dir.ts'

export interface ResetOptions {
  readonly stateDir: string
  readonly isRoot: boolean
  readonly clock: Clock
  readonly log: Log
}

/** Ends what belongs to the directory and empties it. Throws when the directory is not one of ours. */
export async function resetStateDir(options: ResetOptions): Promise<void> {
  const { stateDir } = options
  if (!isStateDir(stateDir))
    throw new Error(`${stateDir} is no state directory: it has no state.json. Nothing was erased.`)
  if (existsSync(join(stateDir, 'instances'))) {
    await endGuests(options)
    await endNetworks(options)
  }
  eraseStateDir(stateDir)
}

async function endGuests({ stateDir, clock, log }: ResetOptions): Promise<void> {
  const { createQemuDriver } = await import('#virt/qemu/index.ts')
  const driver = createQemuDriver({ stateDir, clock, log })
  await driver.start()
  try {
    for (const { uuid } of await driver.list()) await driver.destroy(uuid, [])
  } finally {
    await driver.close()
  }
}

/** A plane that is told of no networks takes down those it finds. */
async function endNetworks(options: ResetOptions): Promise<void> {
  const plane = await createPlane({ ...options, driver: 'qemu' })
  const none = {
    networks: [],
    subnets: [],
    ports: [],
    routers: [],
    floatingIps: [],
    rules: [],
    hostRoutedNetworkId: null,
  }
  await plane.start(() => Promise.resolve(none))
  await plane.close()
}
