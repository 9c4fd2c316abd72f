/**
 * Instances in the middle of something that no operation works on (its row was lost, a newer version
 * left a state nobody knows). Deletes are begun again; what else was under way ends in error, and the
 * fault says why: the owner may delete the server, or reset it.
 */
import { insertInstanceFault } from '#db/instance-faults.ts'
import { findInstance, updateInstance } from '#db/instances.ts'
import { inTransaction } from '#db/kit/index.ts'
import { insertOperation } from '#db/operations.ts'
import { type GuestState, listAbandonedInstances, withLiveOperation } from '#db/operation-subjects.ts'
import type { World } from '../world.ts'
import { GRACE_MS, type RepairTask } from './task.ts'

const LIMIT = 500

export const abandonedInstances: RepairTask = {
  name: 'abandoned instances',
  async run(world, log, { dryRun }) {
    const before = world.clock.now() - GRACE_MS
    let [failed, deleted] = [0, 0]
    for (const found of await listAbandonedInstances(world.db, { before, limit: LIMIT })) {
      const isDelete = found.taskState === 'deleting'
      const { uuid, vmState, taskState } = found
      log.warn(
        { instance: uuid, vm_state: vmState, task_state: taskState, dryRun },
        'no operation works on the instance',
      )
      if (!dryRun && !(await settle(world, found, isDelete))) continue
      if (isDelete) deleted++
      else failed++
    }
    if (deleted > 0 && !dryRun) world.nudge()
    return { failed, deleted }
  },
}

/** False when the instance moved on since it was found. */
function settle(world: World, found: GuestState, isDelete: boolean): Promise<boolean> {
  const { uuid: instanceUuid, vmState, taskState } = found
  const now = world.clock.now()
  return inTransaction(world.db, async (trx) => {
    if ((await withLiveOperation(trx, [instanceUuid])).size > 0) return false
    if (isDelete) {
      const instance = await findInstance(trx, instanceUuid)
      if (instance?.taskState !== taskState) return false
      const { userId, projectId } = instance
      const context = { requestId: world.ids.requestId(), userId, projectId, roles: ['admin'] }
      await insertOperation(
        trx,
        { id: world.ids.uuid(), saga: 'delete-server', instanceUuid, context, params: {} },
        { now },
      )
      return true
    }
    const changes = { vmState: 'error' as const, taskState: null }
    if (!(await updateInstance(trx, instanceUuid, changes, { now, expect: { vmState, taskState } })))
      return false
    const message = `The server was left ${taskState ?? vmState} with nobody working on it.`
    await insertInstanceFault(
      trx,
      instanceUuid,
      { code: 500, message, details: null, host: found.host },
      { now },
    )
    return true
  })
}
