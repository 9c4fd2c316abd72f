/**
 * Allocations that nothing stands behind are released: consumers on our computes' providers whose instance is gone,
 * or is on no host with no operation working on it (a claim that was made and never written down). Servers that
 * stand on a host without an allocation get theirs, or the host would be filled twice.
 */
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { ComputeNode } from '#model/host/index.ts'
import { compareAllocations, heal } from './allocations.ts'
import type { RepairTask } from './task.ts'

export const orphanedAllocations: RepairTask = {
  name: 'orphaned allocations',
  async run(world, log, { dryRun }) {
    let [released, healed] = [0, 0]
    for (const node of withSoleNode(await listComputeNodes(world.db))) {
      const { orphans, bare } = await compareAllocations(world, node)
      for (const consumer of orphans) {
        log.warn({ instance: consumer, provider: node.uuid, dryRun }, 'allocation without an instance')
        if (!dryRun) await world.placement.release(consumer)
        released++
      }
      for (const instance of node.isSole ? bare : []) {
        const outcome = dryRun ? 'healed' : await heal(world, node, instance)
        if (outcome !== 'not bare')
          log.warn({ instance, provider: node.uuid, dryRun, outcome }, 'instance without an allocation')
        if (outcome === 'healed') healed++
      }
    }
    return { released, healed }
  },
}

/** Which of a host's several nodes a server is on is not looked at: such servers are healed by hand. */
function withSoleNode(nodes: readonly ComputeNode[]): (ComputeNode & { readonly isSole: boolean })[] {
  const byHost = Map.groupBy(nodes, ({ host }) => host)
  return nodes.map((node) => ({ ...node, isSole: byHost.get(node.host)?.length === 1 }))
}
