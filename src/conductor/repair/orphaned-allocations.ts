/**
 * Allocations that nothing stands behind: consumers on our computes' providers whose instance is gone, or
 * is on no host with no operation working on it (a claim that was made and never written down). An
 * instance that is being built is never touched: an operation works on it.
 */
import { listComputeNodes } from '#db/compute-nodes.ts'
import { listInstanceStates, withLiveOperation } from '#db/operation-subjects.ts'
import type { World } from '../world.ts'
import type { RepairTask } from './task.ts'

export const orphanedAllocations: RepairTask = {
  name: 'orphaned allocations',
  async run(world, log, { dryRun }) {
    let released = 0
    for (const node of await listComputeNodes(world.db)) {
      for (const consumer of await orphansOn(world, node.uuid)) {
        log.warn({ instance: consumer, provider: node.uuid, dryRun }, 'allocation without an instance')
        if (!dryRun) await world.placement.release(consumer)
        released++
      }
    }
    return { released }
  },
}

/** Allocations are read first: what is claimed after that cannot look like an orphan. */
async function orphansOn(world: World, provider: string): Promise<string[]> {
  const consumers = Object.keys(await world.placement.allocationsOn(provider))
  const busy = await withLiveOperation(world.db, consumers)
  const states = await listInstanceStates(world.db, consumers)
  const standing = new Set(
    states.filter(({ deleted, host }) => !deleted && host !== null).map(({ uuid }) => uuid),
  )
  return consumers.filter((consumer) => !busy.has(consumer) && !standing.has(consumer))
}
