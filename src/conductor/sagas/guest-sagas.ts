/** Sagas of one step: the compute does one thing to the guest, and the server settles. A row each. */
import type { OperationParams } from '#contracts/operations.ts'
import { forgetParams } from '#db/operation-secrets.ts'
import { POWER_STATES, type TaskState } from '#model/instance/index.ts'
import { injectedArgs } from '../guest-spec.ts'
import { type SagaColumns, type ServerSaga, serverSaga, type World } from '../world.ts'
import { type PowerWork, powerStep } from './power-step.ts'
import { shutdownTimeoutMs } from './stop-server.ts'

interface Row<Params> {
  readonly columns?: SagaColumns
  /** Left out: the one that the API set stays. */
  readonly taskState?: TaskState
  readonly event: string
  readonly work: PowerWork<Params>
}

const { running, paused, suspended, shutdown } = POWER_STATES
/** As in Nova, a guest in an unknown state is an error; one that its driver would not touch is not. */
const ERROR: SagaColumns = { failedVmState: 'error' }

/** All that a guest remembers goes to a disk, or comes from one. */
const forMemory = (world: World): number => world.config.buildTimeoutMs

function oneStep<Params>(name: string, { columns = {}, taskState, event, work }: Row<Params>): ServerSaga {
  const told = { event, ...(taskState && { taskState }) }
  return serverSaga<Params>(name, columns).step(work.kind, told, powerStep(work))
}

export const guestSagas: readonly ServerSaga[] = [
  oneStep('pause-server', {
    taskState: 'pausing',
    event: 'compute_pause_instance',
    work: { kind: 'pause', vmState: 'paused', powerState: paused },
  }),
  oneStep('unpause-server', {
    taskState: 'unpausing',
    event: 'compute_unpause_instance',
    work: { kind: 'unpause', vmState: 'active', powerState: running },
  }),
  oneStep('suspend-server', {
    columns: ERROR,
    taskState: 'suspending',
    event: 'compute_suspend_instance',
    work: { kind: 'suspend', moreTimeMs: forMemory, vmState: 'suspended', powerState: suspended },
  }),
  oneStep('unsuspend-server', {
    columns: ERROR,
    taskState: 'resuming',
    event: 'compute_resume_instance',
    work: { kind: 'resume', moreTimeMs: forMemory, vmState: 'active', powerState: running },
  }),
  oneStep<OperationParams<'rescue-server'>>('rescue-server', {
    columns: ERROR,
    taskState: 'rescuing',
    event: 'compute_rescue_instance',
    work: {
      kind: 'rescue',
      args: ({ image, injected }, instance, world) => ({
        image,
        timeoutMs: shutdownTimeoutMs(instance, world),
        ...injectedArgs({ ...(injected && { injected }) }),
      }),
      over: (trx, ctx) => forgetParams(trx, ctx.operationId),
      moreTimeMs: (world) => world.config.buildTimeoutMs,
      vmState: 'rescued',
      powerState: running,
    },
  }),
  oneStep('unrescue-server', {
    columns: ERROR,
    taskState: 'unrescuing',
    event: 'compute_unrescue_instance',
    work: { kind: 'unrescue', vmState: 'active', powerState: running },
  }),
  oneStep<OperationParams<'set-password'>>('set-password', {
    taskState: 'updating_password',
    event: 'compute_set_admin_password',
    work: {
      kind: 'set-password',
      args: ({ adminPass }) => ({ adminPass }),
      over: (trx, ctx) => forgetParams(trx, ctx.operationId),
    },
  }),
  oneStep('dump-crash', {
    event: 'compute_trigger_crash_dump',
    work: { kind: 'dump-crash', leavesStates: true },
  }),
  oneStep('inject-network-info', {
    event: 'compute_inject_network_info',
    work: { kind: 'inject-network-info', leavesStates: true },
  }),
  oneStep('soft-delete-server', {
    columns: { deletes: true },
    event: 'compute_soft_delete_instance',
    work: {
      kind: 'stop',
      args: (_params, instance, world) => ({ timeoutMs: shutdownTimeoutMs(instance, world) }),
      moreTimeMs: (world) => world.config.shutdownTimeoutMs,
      vmState: 'soft-delete',
      powerState: shutdown,
      // Done twice, the second time finds it settled.
      during: ['soft-deleting', null],
    },
  }),
  oneStep('restore-server', {
    taskState: 'restoring',
    event: 'compute_restore_instance',
    work: { kind: 'start', vmState: 'active', powerState: running },
  }),
]
