/** Neutron said that servers' interfaces changed: what is kept of them is read anew. */
import { listInstances, updateInstance } from '#db/instances.ts'
import type { Log } from '#lib/log.ts'
import type { World } from './world.ts'

/**
 * A server that something else is being done to is passed over: that writes its interfaces itself, and reads
 * may not overtake it.
 */
export async function networksChanged(
  world: World,
  log: Log,
  { instanceUuids }: { readonly instanceUuids: readonly string[] },
): Promise<void> {
  for (const instance of await listInstances(world.db, { uuids: instanceUuids })) {
    if (instance.taskState !== null) continue
    const networkInfo = await world.networks.vifs(instance.uuid)
    if (JSON.stringify(networkInfo) === JSON.stringify(instance.networkInfo)) continue
    const options = { now: world.clock.now(), expect: { taskState: null } }
    const isWritten = await updateInstance(world.db, instance.uuid, { networkInfo }, options)
    log.info(
      { instance: instance.uuid, interfaces: networkInfo.length, isWritten: isWritten !== undefined },
      'interfaces read anew',
    )
  }
}
