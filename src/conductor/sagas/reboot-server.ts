/** A server is rebooted: softly, its guest being asked to, or hard. A failure whose guest runs on is a fault, but no error. */
import type { OperationParams } from '#contracts/operations.ts'
import { insertInstanceFault } from '#db/instance-faults.ts'
import { getInstance } from '#db/instances.ts'
import { POWER_STATES, type TaskState } from '#model/instance/index.ts'
import { CommandFailed, type FailedOutcome } from '../command-step.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import { cancelOthers } from './cancel-others.ts'
import { powerStep } from './power-step.ts'

type Params = OperationParams<'reboot-server'>

export const rebootServer = serverSaga<Params>('reboot-server', { failedVmState: 'error' })
  // A hard reboot may overtake a soft one that its guest ignores.
  .step('cancel others', {}, { do: cancelOthers, deadlineMs: 600_000 })
  .step(
    'reboot',
    { taskState: started, event: 'compute_reboot_instance' },
    powerStep<Params>({
      kind: 'reboot',
      args: ({ type }) => ({ type }),
      moreTimeMs: (world) => world.config.shutdownTimeoutMs,
      vmState: 'active',
      powerState: POWER_STATES.running,
      failed: keepRunning,
    }),
  )

function started(params: unknown): TaskState {
  return (params as Params).type === 'HARD' ? 'reboot_started_hard' : 'reboot_started'
}

async function keepRunning(trx: Trx, ctx: Ctx<Params, object>, outcome: FailedOutcome): Promise<void> {
  if (outcome.powerState !== POWER_STATES.running) throw new CommandFailed(outcome)
  const { host } = await getInstance(trx, ctx.subject)
  const fault = { code: 500, message: outcome.message, details: outcome.details, host }
  await insertInstanceFault(trx, ctx.subject, fault, { now: ctx.world.clock.now() })
}
