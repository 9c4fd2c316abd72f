/** The one step of sagas that change a guest's power: the compute does it, and the instance settles. */
import type { CommandKind } from '#contracts/compute.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import { done, OperationCancelled, type Outcome, type Step } from '#lib/saga/index.ts'
import type { Instance, PowerState, TaskState, VmState } from '#model/instance/index.ts'
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
  /** The states it ends in; left out: as they were. */
  readonly vmState?: VmState
  readonly powerState?: PowerState
  /** The task states in which it still settles; left out: all but those of a delete. */
  readonly during?: readonly (TaskState | null)[]
  /** The instance is not touched: the command changes nothing that is known of it. */
  readonly leavesStates?: boolean
  /** What else is written when the command is over, done or not. */
  over?(trx: Trx, ctx: Ctx<Params, object>): Promise<void>
  /** Settles all the same after some failures, instead of failing. */
  failed?(trx: Trx, ctx: Ctx<Params, object>, outcome: FailedOutcome): Promise<void>
}

/** Changes an instance of which a command is done, unless it is being deleted. */
async function settle<Params>(
  trx: Trx,
  ctx: Ctx<Params, object>,
  work: PowerWork<Params>,
  outcome: { readonly powerState?: unknown },
): Promise<null> {
  await work.over?.(trx, ctx)
  if (work.leavesStates === true) return null
  const { vmState, powerState } = work
  const changes = {
    taskState: null,
    ...(vmState && { vmState }),
    ...(powerState !== undefined && { powerState: powerStateOf(outcome, powerState) }),
  }
  const options = { now: ctx.world.clock.now(), expect: { taskState: work.during ?? NOT_DELETING } }
  const settled = await updateInstance(trx, ctx.subject, changes, options)
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
        succeeded: (trx, result) => settle(trx, ctx, work, result),
        ...(failed && {
          failed: async (trx: Trx, outcome: FailedOutcome) => {
            await failed(trx, ctx, outcome)
            return settle(trx, ctx, work, outcome)
          },
        }),
      })
    },
    // A host that returns later is not to do what the operation gave up.
    undo: async (ctx): Promise<Outcome<void, Trx>> => {
      return async (trx) => {
        await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind: work.kind })
        await work.over?.(trx, ctx)
        return done(undefined)
      }
    },
  }
}
