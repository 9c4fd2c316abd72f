/**
 * Ports of servers that are no more: an allocation that was under way while its runner was taken for dead
 * may make one after the delete looked. Each deleted server is looked at once, some time after it went.
 */
import { listDeletedBetween } from '#db/operation-subjects.ts'
import { ownersPorts } from '../owners-ports.ts'
import { GRACE_MS, type RepairTask } from './task.ts'

/** How far back the first look goes. */
const FIRST_LOOK_MS = 3_600_000
/** Neutron is asked so often at most in one run. */
const LIMIT = 200

/** Remembers up to where it has looked; a new conductor looks an hour back. */
export function vanishedPorts(): RepairTask {
  let looked = Number.NEGATIVE_INFINITY
  return {
    name: 'vanished ports',
    async run(world, log, { dryRun }) {
      const now = world.clock.now()
      const after = Math.max(looked, now - FIRST_LOOK_MS)
      const gone = await listDeletedBetween(world.db, { after, until: now - GRACE_MS, limit: LIMIT })
      let removed = 0
      for (const { uuid, deletedAt } of gone) {
        const ports = await world.networks.ports(uuid)
        if (ports.length > 0)
          log.warn({ instance: uuid, ports: ports.map(({ id }) => id), dryRun }, 'ports of a deleted server')
        if (ports.length > 0 && !dryRun) await world.networks.release(uuid, await ownersPorts(world.db, uuid))
        removed += ports.length
        if (!dryRun) looked = deletedAt
      }
      return { removed }
    },
  }
}
