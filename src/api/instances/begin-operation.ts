/**
 * Begins a long operation on an instance: in one transaction the instance is looked at under a lock,
 * may refuse, takes on the operation's task state, and action and operation are recorded.
 */
import { announceOperations, type Call, type Services } from '#api/kernel/index.ts'
import type { OperationParams, SagaName } from '#contracts/operations.ts'
import { insertBegun } from '#db/instance-builds.ts'
import { type InstanceChanges, modifyInstance } from '#db/instances.ts'
import { listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Instance, type Operation, requireAllowed, ruleOf } from '#model/instance/index.ts'
import type { Transaction } from 'kysely'

export interface Begin<S extends SagaName> {
  readonly instance: Instance
  /** What the table of operations calls it; all must allow it, the last one's task state is taken on. */
  readonly operations: readonly [Operation, ...Operation[]]
  /** What the API calls it in its 409s, where that is not the table's word (`migrate` for a resize). */
  readonly called?: string
  /** Nova's word for it in the instance's actions; null where Nova keeps none. */
  readonly action: string | null
  readonly saga: S
  readonly params: OperationParams<S>
  /** For who waits for its end. */
  readonly operationId?: string
  /** Asked for again while it is under way, nothing new is begun. */
  readonly once?: boolean
  /** What else changes of the instance at once; may throw to refuse. */
  change?(current: Instance): InstanceChanges
  /** What else is written in the same transaction. */
  also?(trx: Trx, instance: Instance, now: number): Promise<void>
}

/** The instance as it is then; undefined when nothing new was begun. Throws Nova's 409 when the instance may not be asked that now, and its 404 when it is gone. */
export async function beginOperation<S extends SagaName>(
  call: Pick<Call<unknown, unknown, never>, 'context' | 'isAdmin'>,
  services: Services,
  begin: Begin<S>,
): Promise<Instance | undefined> {
  const { context } = call
  const id = begin.operationId ?? services.ids.uuid()
  const { uuid } = begin.instance
  const begun = await services.db.transaction<NovaDb, Instance | undefined>(async (trx) => {
    const now = services.clock.now()
    if (begin.once && (await listLiveOperations(trx, uuid)).some(({ saga }) => saga === begin.saga))
      return undefined
    const instance = await modifyInstance(trx, uuid, { now }, (current) => {
      for (const operation of begin.operations) requireAllowed(operation, current, call, begin.called)
      const { through } = ruleOf(begin.operations.at(-1) ?? begin.operations[0])
      return { ...begin.change?.(current), ...(through !== null && { taskState: through }) }
    })
    await begin.also?.(trx, instance, now)
    const operation = { id, saga: begin.saga, instanceUuid: uuid, context, params: begin.params }
    const action = begin.action === null ? {} : { action: actionOf(call, instance, begin.action) }
    await insertBegun(trx, { ...action, operation }, { now })
    return instance
  })
  if (begun) await announceOperations(services, [id], context.requestId)
  return begun
}

type Trx = Transaction<NovaDb>

/** What is recorded of a request on an instance. */
export const actionOf = (
  { context }: Pick<Call<unknown, unknown, never>, 'context'>,
  { uuid, projectId }: Pick<Instance, 'uuid' | 'projectId'>,
  action: string,
) => ({ instanceUuid: uuid, action, requestId: context.requestId, userId: context.userId, projectId })
