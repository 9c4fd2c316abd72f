/** The one step of sagas that change a guest's power: the compute does it, and the instance settles. */
import type { CommandKind } from '#contracts/compute.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import { done, OperationCancelled, type Outcome, type Step } from '#lib/saga/index.ts'
import type { Instance, PowerState, VmState } from '#model/instance/index.ts'
import { NOT_DELETING } from '../announce.ts'
import { command, type FailedOutcome } from '../command-step.ts'
import { guestSpecOf, rememberedImage } from '../guest-spec.ts'
import { powerStateOf } from '../power-state.ts'
import type { ConductorTypes, Ctx, Trx, World } from '../world.ts'

export interface PowerWork<Params> {
  readonly kind: CommandKind
  /** The command's arguments. */
  args?(params: Params, instance: Instance, world: World): Readonly<Record<string, unknown>>
  /** Beyond `commandTimeoutMs`. */
  moreTimeMs?(world: World): number
  readonly vmState: VmState
  readonly powerState: PowerState
  /** Settles all the same after some failures, instead of failing. */
  failed?(trx: Trx, ctx: Ctx<Params, object>, outcome: FailedOutcome): Promise<void>
}

/** Changes an instance of which a command is done, unless it is being deleted. */
async function settle<Params>(
  trx: Trx,
  ctx: Ctx<Params, object>,
  vmState: VmState,
  powerState: PowerState,
): Promise<null> {
  const options = { now: ctx.world.clock.now(), expect: { taskState: NOT_DELETING } }
  const settled = await updateInstance(trx, ctx.subject, { vmState, taskState: null, powerState }, options)
  if (!settled) throw new OperationCancelled(`instance ${ctx.subject} is being deleted`)
  return null
}

export function powerStep<Params>(work: PowerWork<Params>): Step<Params, object, null, ConductorTypes> {
  const deadlineMs = (world: World) => world.config.commandTimeoutMs + (work.moreTimeMs?.(world) ?? 0)
  return {
    deadlineMs,
    do: async (ctx): Promise<Outcome<null, Trx>> => {
      const instance = await getInstance(ctx.world.db, ctx.subject)
      if (instance.host === null) throw new Error(`Instance ${ctx.subject} is on no host.`)
      const { failed } = work
      return command(ctx, {
        kind: work.kind,
        host: instance.host,
        deadlineMs: deadlineMs(ctx.world),
        guest: async (trx) => guestSpecOf(await getInstance(trx, ctx.subject), rememberedImage(instance)),
        args: work.args?.(ctx.params, instance, ctx.world) ?? {},
        succeeded: (trx, result) => settle(trx, ctx, work.vmState, powerStateOf(result, work.powerState)),
        ...(failed && {
          failed: async (trx: Trx, outcome: FailedOutcome) => {
            await failed(trx, ctx, outcome)
            return settle(trx, ctx, work.vmState, powerStateOf(outcome, work.powerState))
          },
        }),
      })
    },
    // A host that returns later is not to do what the operation gave up.
    undo: async (ctx): Promise<Outcome<void, Trx>> => {
      return async (trx) => {
        await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind: work.kind })
        return done(undefined)
      }
    },
  }
}
