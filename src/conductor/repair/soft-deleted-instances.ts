/** Servers that were deleted for a while, and whose while is over (`reclaim_instance_interval`): they are deleted for good. */
import { listSoftDeleted } from '#db/operation-subjects.ts'
import { beginSaga } from './begin-saga.ts'
import type { RepairTask } from './task.ts'

const LIMIT = 500
const DELETE = { saga: 'delete-server', vmState: 'soft-delete', taskState: 'deleting' } as const

export const softDeletedInstances: RepairTask = {
  name: 'soft-deleted instances',
  async run(world, log, { dryRun }) {
    const { reclaimAfterMs } = world.config
    if (reclaimAfterMs === 0) return { reclaimed: 0 }
    const before = world.clock.now() - reclaimAfterMs
    let reclaimed = 0
    for (const uuid of await listSoftDeleted(world.db, { before, limit: LIMIT })) {
      log.info({ instance: uuid, dryRun }, 'a soft-deleted server is deleted for good')
      if (dryRun || (await beginSaga(world, uuid, DELETE))) reclaimed++
    }
    if (reclaimed > 0 && !dryRun) world.nudge()
    return { reclaimed }
  },
}
