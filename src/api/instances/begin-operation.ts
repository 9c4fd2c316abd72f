/**
 * Begins a long operation on an instance: in one transaction the instance is looked at under a lock,
 * may refuse, takes on the operation's task state, and action and operation are recorded.
 */
import { announceOperations, type Call, type Services } from '#api/kernel/index.ts'
import type { OperationParams, SagaName } from '#contracts/operations.ts'
import { insertInstanceActions } from '#db/instance-actions.ts'
import { modifyInstance } from '#db/instances.ts'
import { insertOperation, listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Instance, type Operation, requireAllowed, ruleOf } from '#model/instance/index.ts'

export interface Begin<S extends SagaName> {
  readonly instance: Instance
  /** What the table of operations calls it; all must allow it, the last one's task state is taken on. */
  readonly operations: readonly [Operation, ...Operation[]]
  /** Nova's word for it in the instance's actions. */
  readonly action: string
  readonly saga: S
  readonly params: OperationParams<S>
  /** Asked for again while it is under way, nothing new is begun. */
  readonly once?: boolean
}

/** Throws Nova's 409 when the instance may not be asked that now, and its 404 when it is gone. */
export async function beginOperation<S extends SagaName>(
  call: Pick<Call<unknown, unknown, never>, 'context' | 'isAdmin'>,
  services: Services,
  begin: Begin<S>,
): Promise<void> {
  const { context } = call
  const id = services.ids.uuid()
  const { uuid } = begin.instance
  const begun = await services.db.transaction<NovaDb, boolean>(async (trx) => {
    const now = services.clock.now()
    if (begin.once && (await listLiveOperations(trx, uuid)).some(({ saga }) => saga === begin.saga))
      return false
    const instance = await modifyInstance(trx, uuid, { now }, (current) => {
      for (const operation of begin.operations) requireAllowed(operation, current, call)
      const { through } = ruleOf(begin.operations.at(-1) ?? begin.operations[0])
      return through === null ? {} : { taskState: through }
    })
    const { projectId } = instance
    const action = {
      instanceUuid: uuid,
      action: begin.action,
      requestId: context.requestId,
      userId: context.userId,
      projectId,
    }
    await insertInstanceActions(trx, [action], { now })
    await insertOperation(
      trx,
      { id, saga: begin.saga, instanceUuid: uuid, context, params: begin.params },
      { now },
    )
    return true
  })
  if (begun) await announceOperations(services, [id], context.requestId)
}
