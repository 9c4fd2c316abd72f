/** What the world is told of each turn of an operation, out of the columns of the step table: task states, events, faults. */
import { finishActionEvent, finishInstanceAction, startActionEvent } from '#db/instance-actions.ts'
import { insertInstanceFault } from '#db/instance-faults.ts'
import { findInstance, touchInstance } from '#db/instances.ts'
import { forgetTold, withoutInjected } from '#db/operation-secrets.ts'
import { type Failure, type Hooks, type Moment, OperationCancelled } from '#lib/saga/index.ts'
import { type Instance, TASK_STATES, type TaskState } from '#model/instance/index.ts'
import { NOT_SUPPORTED } from './command-step.ts'
import type { ConductorTypes, SagaColumns, ServerSaga, ServerStep, Trx } from './world.ts'

/** An instance that is being deleted belongs to the delete. */
export const NOT_DELETING: readonly (TaskState | null)[] = [
  null,
  ...TASK_STATES.filter((state) => state !== 'deleting' && state !== 'soft-deleting'),
]

const expectationOf = ({ deletes }: SagaColumns) => (deletes ? {} : { expect: { taskState: NOT_DELETING } })

type Turn = Moment<ConductorTypes>

const actionOf = ({ operation }: Turn) => ({
  instanceUuid: operation.subject,
  requestId: operation.requestId,
})

export const announcements: Hooks<ConductorTypes> = {
  async moved(trx, moment, { from, to, beganAt, failure, begins: asRequested = false, writes }) {
    const [ended, begins] = [from?.columns.event, to?.columns.event]
    if (ended !== undefined && ended !== begins)
      await endEvent(trx, moment, ended, { failure, last: to === null })
    const instance = await enterStep(trx, moment, to, { asRequested, writes })
    if (begins === undefined || ended === begins) return
    const host = (instance ?? (await findInstance(trx, moment.operation.subject)))?.host ?? null
    await startActionEvent(trx, actionOf(moment), { event: begins, host }, { now: beganAt })
  },

  isQuiet: (from, to) => from.columns.event === to.columns.event && to.columns.taskState === undefined,

  async ended(trx, moment, { failure }) {
    const now = moment.at
    const params = withoutInjected(moment.operation.params)
    if (params) await forgetTold(trx, moment.operation.id)
    if (failure) await recordFailure(trx, moment, failure)
    await finishInstanceAction(trx, actionOf(moment), failure ? { now, message: 'Error' } : { now })
    return params ? { params } : {}
  },
}

async function endEvent(
  trx: Trx,
  moment: Turn,
  event: string,
  { failure, last }: { readonly failure: Failure | null; readonly last: boolean },
): Promise<void> {
  const outcome = failure
    ? ({ event, result: 'Error', details: failure.message, traceback: failure.details } as const)
    : ({ event, result: 'Success' } as const)
  await finishActionEvent(trx, actionOf(moment), outcome, { now: moment.at, last })
}

/** What a step leaves to be written with the next one's task state. */
export type InstanceWrites = Parameters<typeof touchInstance>[2]

/** Sets the step's task state. An instance that is gone, or being deleted, is no longer the operation's. */
async function enterStep(
  trx: Trx,
  moment: Turn,
  to: ServerStep | null,
  { asRequested, writes }: { readonly asRequested: boolean; readonly writes: unknown },
): Promise<Pick<Instance, 'host'> | undefined> {
  const column = to?.columns.taskState
  if (column === undefined && writes === undefined) return undefined
  const taskState = typeof column === 'function' ? column(moment.operation.params) : column
  const { columns } = moment.saga
  if (asRequested && taskState === columns.requested) return undefined
  const changes = { ...(writes as InstanceWrites | undefined), ...(taskState !== undefined && { taskState }) }
  const options = { now: moment.at, ...expectationOf(columns) }
  const instance = await touchInstance(trx, moment.operation.subject, changes, options)
  if (!instance && !columns.deletes)
    throw new OperationCancelled(`instance ${moment.operation.subject} is being deleted`)
  return instance
}

/** Whether the instance's task state is the saga's while it runs. One that has none runs beside others, and leaves it to them. */
const hasTaskState = ({ columns, steps }: ServerSaga): boolean =>
  columns.deletes === true || steps.some((step) => step.columns.taskState !== undefined)

/** The instance is idle again, in error where the saga says so and something was done, with a fault that tells why. */
async function recordFailure(trx: Trx, moment: Turn, failure: Failure): Promise<void> {
  const { subject } = moment.operation
  const { columns } = moment.saga
  const vmState = failure.name === NOT_SUPPORTED ? undefined : columns.failedVmState
  const changes = { taskState: null, ...(vmState && { vmState }) }
  const instance = hasTaskState(moment.saga)
    ? await touchInstance(trx, subject, changes, { now: moment.at, ...expectationOf(columns) })
    : await findInstance(trx, subject)
  const { code, message, details } = failure
  const host = instance?.host ?? null
  await insertInstanceFault(trx, subject, { code, message, details, host }, { now: moment.at })
}
