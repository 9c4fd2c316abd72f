/** Repair begins an operation of its own accord, as an administrator would ask for it. */
import { inTransaction } from '#db/kit/index.ts'
import { modifyInstance } from '#db/instances.ts'
import { insertOperation } from '#db/operations.ts'
import { isFault } from '#lib/fault.ts'
import { OperationCancelled } from '#lib/saga/index.ts'
import type { TaskState, VmState } from '#model/instance/index.ts'
import type { World } from '../world.ts'

interface Beginning {
  readonly saga: 'delete-server' | 'offload-server'
  /** The state that the server must still be in, with nobody working on it. */
  readonly vmState: VmState
  readonly taskState: TaskState
}

/** False when the server moved on since it was found. */
export async function beginSaga(
  world: World,
  instanceUuid: string,
  { saga, vmState, taskState }: Beginning,
): Promise<boolean> {
  const now = world.clock.now()
  try {
    await inTransaction(world.db, async (trx) => {
      const { userId, projectId } = await modifyInstance(trx, instanceUuid, { now }, (current) => {
        if (current.vmState !== vmState || current.taskState !== null)
          throw new OperationCancelled('it moved on')
        return { taskState }
      })
      const context = { requestId: world.ids.requestId(), userId, projectId, roles: ['admin'] }
      await insertOperation(trx, { id: world.ids.uuid(), saga, instanceUuid, context, params: {} }, { now })
    })
    return true
  } catch (error) {
    if (error instanceof OperationCancelled || isFault(error, 'notFound')) return false
    throw error
  }
}
