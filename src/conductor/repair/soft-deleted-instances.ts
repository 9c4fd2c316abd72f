/** Servers that were deleted for a while, and whose while is over (`reclaim_instance_interval`): they are deleted for good. */
import { listSoftDeleted } from '#db/operation-subjects.ts'
import { inTransaction } from '#db/kit/index.ts'
import { modifyInstance } from '#db/instances.ts'
import { insertOperation } from '#db/operations.ts'
import { isFault } from '#lib/fault.ts'
import { OperationCancelled } from '#lib/saga/index.ts'
import type { World } from '../world.ts'
import type { RepairTask } from './task.ts'

const LIMIT = 500

export const softDeletedInstances: RepairTask = {
  name: 'soft-deleted instances',
  async run(world, log, { dryRun }) {
    const { reclaimAfterMs } = world.config
    if (reclaimAfterMs === 0) return { reclaimed: 0 }
    const before = world.clock.now() - reclaimAfterMs
    let reclaimed = 0
    for (const uuid of await listSoftDeleted(world.db, { before, limit: LIMIT })) {
      log.info({ instance: uuid, dryRun }, 'a soft-deleted server is deleted for good')
      if (dryRun || (await reclaim(world, uuid))) reclaimed++
    }
    if (reclaimed > 0 && !dryRun) world.nudge()
    return { reclaimed }
  },
}

/** False when the server moved on since it was found. */
async function reclaim(world: World, instanceUuid: string): Promise<boolean> {
  const now = world.clock.now()
  try {
    await inTransaction(world.db, async (trx) => {
      const { userId, projectId } = await modifyInstance(trx, instanceUuid, { now }, (current) => {
        if (current.vmState !== 'soft-delete' || current.taskState !== null)
          throw new OperationCancelled('it moved on')
        return { taskState: 'deleting' }
      })
      const context = { requestId: world.ids.requestId(), userId, projectId, roles: ['admin'] }
      const id = world.ids.uuid()
      await insertOperation(trx, { id, saga: 'delete-server', instanceUuid, context, params: {} }, { now })
    })
    return true
  } catch (error) {
    if (error instanceof OperationCancelled || isFault(error, 'notFound')) return false
    throw error
  }
}
