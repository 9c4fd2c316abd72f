/** Keeps the node's row and its resource provider true. */
import { POWER_STATES } from '#model/instance/index.ts'
import type { World } from '../world.ts'
import { inventoriesOf } from './inventories.ts'
import { nodeReport, sumOf } from './node-report.ts'
import { traitsOf } from './traits.ts'

export interface InventoryReporter {
  /** Looks at the host and tells the conductor and Placement. Throws when one of them cannot be told. */
  report(): Promise<void>
}

/** `failedBuilds`: how many builds failed since the last that succeeded. */
export function createInventoryReporter(world: World, failedBuilds: () => number): InventoryReporter {
  const { driver, conductor, placement, host, ids, config } = world
  let uuid = ids.uuid()
  let isKnownToPlacement = false

  const used = async () =>
    isKnownToPlacement ? sumOf(Object.values(await placement.allocationsOn(uuid))) : {}
  const look = async () => {
    const [resources, traits, guests] = await Promise.all([
      driver.resources(),
      traitsOf(driver),
      driver.list(),
    ])
    const runningVms = guests.filter((guest) => guest.powerState === POWER_STATES.running).length
    return { resources, traits, runningVms, failedBuilds: failedBuilds() }
  }
  const tellConductor = async (seen: Awaited<ReturnType<typeof look>>, requestId: string) => {
    const node = nodeReport({ uuid, host, config, ...seen, used: await used() })
    // A node that is known keeps its uuid: the conductor's answer counts.
    uuid = (await conductor.reportNode.call({ host, node }, requestId)).uuid
  }
  return {
    async report() {
      const requestId = ids.requestId()
      const seen = await look()
      await tellConductor(seen, requestId)
      const name = config.hypervisorHostname ?? host
      await placement.syncProvider({
        uuid,
        name,
        inventories: inventoriesOf(seen.resources, config),
        traits: seen.traits,
      })
      if (isKnownToPlacement) return
      // Only now do we know which provider is ours, and what guests of an earlier run use of it.
      isKnownToPlacement = true
      await tellConductor(seen, requestId)
    },
  }
}
