/**
 * A step that a compute does: the command is a row, sent as a hint, and the operation is parked until
 * the outcome is written. Run again at any time, it finds its row by the step's key.
 */
import type { CommandKind, GuestSpec } from '#contracts/compute.ts'
import type { CommandOutcome } from '#contracts/conductor.ts'
import { findCommand, insertCommand } from '#db/commands.ts'
import { findServiceOnHost } from '#db/services.ts'
import { type Done, done, type Outcome, type Parked, parked } from '#lib/saga/index.ts'
import { isServiceUp } from '#model/host/index.ts'
import type { Ctx, Db, Trx, World } from './world.ts'

/** The name of its failure. */
export const NOT_SUPPORTED = 'NotSupported'

export type FailedOutcome = Extract<CommandOutcome, { ok: false }>

/** The compute did what it was told, and could not. */
export class CommandFailed extends Error {
  override readonly name: string = 'CommandFailed'
  readonly outcome: FailedOutcome

  constructor(outcome: FailedOutcome) {
    super(outcome.message)
    this.outcome = outcome
    this.stack = outcome.details
  }
}

/** The host's driver cannot do it, and has not touched the guest. */
export class NotSupported extends CommandFailed {
  override readonly name = NOT_SUPPORTED
}

/** The compute is down, or went down before it answered. */
export class ComputeHostDown extends Error {
  override readonly name = 'ComputeHostDown'
}

/** Whether another host may do better. */
export const mayDoBetterElsewhere = (error: unknown): boolean =>
  error instanceof ComputeHostDown || (error instanceof CommandFailed && error.outcome.retryable)

export async function isHostUp(db: Db, host: string, world: World): Promise<boolean> {
  const service = await findServiceOnHost(db, host, 'nova-compute')
  const { clock, hearing = clock, config } = world
  return service !== undefined && isServiceUp(service, hearing.now(), config.serviceDownTimeMs)
}

export interface CommandWork<Out> {
  readonly kind: CommandKind
  readonly host: string
  readonly deadlineMs: number
  /** Read when the command is sent. */
  guest(trx: Trx): Promise<GuestSpec>
  readonly args?: Readonly<Record<string, unknown>>
  /** What the step gives when the compute did it; what else it writes goes into the same transaction. */
  succeeded(trx: Trx, result: Readonly<Record<string, unknown>>): Promise<Out>
  /** What it gives when the compute could not. Throws `CommandFailed` unless said otherwise. */
  failed?(trx: Trx, outcome: FailedOutcome): Promise<Out>
  /** What it gives when the host is down. Throws `ComputeHostDown` unless said otherwise. */
  hostDown?(trx: Trx): Promise<Out>
}

/** The outcome of a step that sends one command. */
export function command<Params, Outputs, Out>(
  ctx: Ctx<Params, Outputs>,
  work: CommandWork<Out>,
): Outcome<Out, Trx> {
  return async (trx) => {
    const known = await findCommand(trx, ctx.key)
    if (known?.outcome) return answered(trx, work, known.outcome)
    if (!(await isHostUp(trx, work.host, ctx.world))) return hostDown(trx, work)
    if (known) return wait(ctx, work.host)
    const sent = {
      id: ctx.key,
      kind: work.kind,
      instanceUuid: ctx.subject,
      requestId: ctx.requestId,
      deadline: ctx.beganAt + work.deadlineMs,
      guest: await work.guest(trx),
      args: { ...work.args },
    }
    await insertCommand(
      trx,
      { ...sent, operationId: ctx.operationId, host: work.host },
      { now: ctx.world.clock.now() },
    )
    return wait(ctx, work.host)
  }
}

async function answered<Out>(trx: Trx, work: CommandWork<Out>, outcome: CommandOutcome): Promise<Done<Out>> {
  if (outcome.ok) return done(await work.succeeded(trx, outcome.result))
  if (outcome.unsupported === true) throw new NotSupported(outcome)
  if (work.failed) return done(await work.failed(trx, outcome))
  throw new CommandFailed(outcome)
}

async function hostDown<Out>(trx: Trx, work: CommandWork<Out>): Promise<Done<Out>> {
  if (work.hostDown) return done(await work.hostDown(trx))
  throw new ComputeHostDown(`Compute service of ${work.host} is unavailable at this time.`)
}

/** Parks; the hint goes out once the row is durable, and again with each poll: it may have been lost. */
function wait<Params, Outputs>({ world, key, requestId }: Ctx<Params, Outputs>, host: string): Parked {
  return parked(world.config.commandPollMs, () => world.compute(host).run.cast({ commandId: key }, requestId))
}
