/**
 * A server is built: a host is chosen and claimed, interfaces are made and bound to it, the compute
 * spawns the guest. A failure that another host may not have rewinds to the next alternate.
 */
import type { OperationParams } from '#contracts/operations.ts'
import type { SelectedHost } from '#contracts/scheduler.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance, touchInstance } from '#db/instances.ts'
import { isFault } from '#lib/fault.ts'
import { done, type Done, type Earlier, OperationCancelled, type Outcome } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type InstanceWrites, NOT_DELETING } from '../announce.ts'
import { CommandFailed, command, mayDoBetterElsewhere } from '../command-step.ts'
import { GroupPolicyViolated, requireGroupPolicy } from '../group-policy.ts'
import { guestSpecOf, injectedArgs } from '../guest-spec.ts'
import { isPassing } from '../passing.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, serverSaga, type Trx, type World } from '../world.ts'
import { attachVolumes, type BootVolume, releaseVolumes } from './boot-volumes.ts'

type Params = OperationParams<'build-server'>

interface Placed {
  readonly host: SelectedHost
  /** Unclaimed: where to go when this one fails. */
  readonly alternates: readonly SelectedHost[]
}

const EVENT = 'compute__do_build_and_run_instance'
/** Half a minute, the first two tries within two seconds: a neighbour that restarts, or is overloaded, is waited for. */
const PATIENCE = { times: 6, delayMs: 500 } as const

/** No host can take the server; in Nova's words. */
export class NoValidHost extends Error {
  override readonly name = 'NoValidHost'

  constructor(explanation: string) {
    super(`No valid host was found. ${explanation}`)
  }
}

export class MaxRetriesExceeded extends Error {
  override readonly name = 'MaxRetriesExceeded'

  constructor(reason: string, last: string, options?: ErrorOptions) {
    super(`Exceeded maximum number of retries. ${reason} Last exception: ${last}`, options)
  }
}

/** Begins a build: it has a host and interfaces. `leave` undoes all that was there before it, too. */
const begun = (name: 'build-server' | 'build-server-with-volumes', leave: typeof leaveHost) =>
  serverSaga<Params>(name, { failedVmState: 'error', requested: 'scheduling' })
    .step(
      'schedule',
      { taskState: 'scheduling' },
      {
        do: chooseHost,
        undo: leave,
        deadlineMs: 180_000,
        retry: {
          ...PATIENCE,
          when: (error) => isPassing(error) || error instanceof GroupPolicyViolated,
        },
      },
    )
    .step(
      'networks',
      { taskState: 'networking', event: EVENT },
      {
        do: bindPorts,
        undo: releasePorts,
        deadlineMs: 300_000,
        retry: { ...PATIENCE, when: isPassing },
      },
    )

const SPAWN = {
  do: spawn,
  undo: destroy,
  onlyWrites: true,
  deadlineMs: (world: World) => world.config.buildTimeoutMs,
  rewind: {
    to: 'schedule',
    when: mayDoBetterElsewhere,
    attempts: (world: World) => world.config.maxAttempts,
  },
} as const

export const buildServers = begun('build-server', leaveHost).step(
  'spawn',
  { taskState: 'spawning', event: EVENT },
  SPAWN,
)

export const buildServersWithVolumes = begun('build-server-with-volumes', leaveHostAndVolumes)
  .step('volumes', { taskState: 'block_device_mapping', event: EVENT }, attachVolumes)
  .step('spawn', { taskState: 'spawning', event: EVENT }, SPAWN)

/** Changes the instance in a step's transaction, unless it is being deleted: then the build is over. */
async function change(
  trx: Trx,
  ctx: Ctx<Params, object>,
  changes: Parameters<typeof touchInstance>[2],
): Promise<void> {
  const options = { now: ctx.world.clock.now(), expect: { taskState: NOT_DELETING } }
  if (!(await touchInstance(trx, ctx.subject, changes, options)))
    throw new OperationCancelled(`instance ${ctx.subject} is being deleted`)
}

/** A step is done, and what it changes of the instance is written with the next one's task state. */
const writing = <Out>(output: Out, writes: InstanceWrites): Done<Out> => ({ ...done(output), writes })

async function chooseHost(
  ctx: Ctx<Params, object>,
  earlier: readonly Earlier<Placed>[],
): Promise<Outcome<Placed, Trx>> {
  const last = earlier.at(-1)
  const placed = last ? await claimAlternate(ctx, last, earlier.length) : await select(ctx)
  const { host, node, availabilityZone } = placed.host
  ctx.log.info(
    {
      at: 'conductor/sagas/build-servers',
      host,
      node,
      alternates: placed.alternates.map((alternate) => alternate.host),
    },
    'host chosen',
  )
  return async (trx) => {
    await requireGroupPolicy(trx, ctx.subject, host)
    return writing(placed, { host, node, launchedOn: host, availabilityZone })
  }
}

/** A host that is claimed, and where to go when it fails. What the instance holds gives way. */
export async function select(ctx: Ctx<Pick<Params, 'spec'>, object>): Promise<Placed> {
  const { world, subject } = ctx
  const ask = { context: ctx.context, spec: ctx.params.spec, instanceUuids: [subject] }
  const choose = () => makingWay(ctx, () => world.scheduler.select.call(ask, ctx.requestId))
  let reply = await choose()
  if (!reply.selections[0]?.length && Object.keys(await world.placement.allocationsOf(subject)).length > 0) {
    // It needs the very room that it holds. What another runner claimed since we lost the operation is not ours to release.
    ctx.signal.throwIfAborted()
    await world.placement.release(subject)
    reply = await choose()
  }
  const [host, ...alternates] = reply.selections[0] ?? []
  if (!host) throw new NoValidHost(reply.explanation)
  return { host, alternates }
}

/** How often a claim that nobody knows of may be in the way. */
const STRAY_CLAIMS = 3

/**
 * Claims for an instance that should hold nothing. An earlier run of the step may have claimed a host and died
 * before it could say so, and a claim of a call that was given up may come late: both give way.
 */
async function makingWay<T>(
  { world, subject, log, signal }: Ctx<unknown, object>,
  claim: () => Promise<T>,
): Promise<T> {
  for (let strays = 0; ; strays++) {
    try {
      return await claim()
    } catch (error) {
      if (strays === STRAY_CLAIMS || !isFault(error, 'conflict')) throw error
      signal.throwIfAborted()
      log.warn({ err: error }, 'a claim that nobody knows of is in the way')
      await world.placement.release(subject)
    }
  }
}

async function claimAlternate(
  ctx: Ctx<Params, object>,
  last: Earlier<Placed>,
  tried: number,
): Promise<Placed> {
  const { world, subject: instanceUuid, params, context } = ctx
  const consumer = { instanceUuid, projectId: params.spec.projectId, userId: context.userId }
  for (const [at, host] of last.output.alternates.entries()) {
    if (await makingWay(ctx, () => world.placement.claim(consumer, host.allocations)))
      return { host, alternates: last.output.alternates.slice(at + 1) }
  }
  ctx.log.warn({ tried }, 'no alternate host is left')
  const reason = `Exhausted all hosts available for retrying build failures for instance ${instanceUuid}.`
  throw new MaxRetriesExceeded(reason, last.failure.message)
}

async function leaveHost(ctx: Ctx<Params, object>): Promise<(trx: Trx) => Promise<Done<void>>> {
  await ctx.world.placement.release(ctx.subject)
  return async (trx) => {
    const nowhere = { host: null, node: null, launchedOn: null, availabilityZone: null }
    await touchInstance(trx, ctx.subject, nowhere, { now: ctx.world.clock.now() })
    return done(undefined)
  }
}

/** The API reserved volumes before anything was begun. */
async function leaveHostAndVolumes(ctx: Ctx<Params, object>): ReturnType<typeof leaveHost> {
  const forget = await releaseVolumes(ctx)
  const leave = await leaveHost(ctx)
  return async (trx) => {
    await forget(trx)
    return leave(trx)
  }
}

async function bindPorts(ctx: Ctx<Params, { readonly schedule: Placed }>): Promise<Outcome<null, Trx>> {
  const { world, subject: instanceUuid, params } = ctx
  const { host, availabilityZone } = ctx.outputs.schedule.host
  if (params.networks.length === 0) return done(null)
  const { projectId, hostname } = await getInstance(world.db, instanceUuid)
  const owner = { instanceUuid, projectId, host, availabilityZone, hostname }
  const networkInfo = await world.networks.allocate(owner, params.networks)
  return writing(null, { networkInfo })
}

async function releasePorts(ctx: Ctx<Params, object>): Promise<Outcome<void, Trx>> {
  const keep = ctx.params.networks.flatMap(({ portId }) => portId ?? [])
  if (ctx.params.networks.length > 0) await ctx.world.networks.release(ctx.subject, keep)
  return async (trx) => {
    await touchInstance(trx, ctx.subject, { networkInfo: [] }, { now: ctx.world.clock.now() })
    return done(undefined)
  }
}

interface Spawned {
  readonly powerState: number
}

interface Ready {
  readonly schedule: Placed
  readonly volumes?: readonly BootVolume[]
}

async function spawn(ctx: Ctx<Params, Ready>): Promise<Outcome<Spawned, Trx>> {
  const { volumes } = ctx.outputs
  return command(ctx, {
    kind: 'build',
    args: { ...injectedArgs(ctx.params), ...(volumes && { volumes }) },
    host: ctx.outputs.schedule.host.host,
    deadlineMs: ctx.world.config.buildTimeoutMs,
    guest: async (trx) => guestSpecOf(await getInstance(trx, ctx.subject), ctx.params.image),
    // The server is there in the very transaction that says so: nothing comes after it.
    async succeeded(trx, result) {
      const powerState = powerStateOf(result, POWER_STATES.running)
      const launchedAt = ctx.world.clock.now()
      await change(trx, ctx, { vmState: 'active', taskState: null, powerState, launchedAt })
      return { powerState }
    },
    failed: async (_trx, outcome) => {
      const error = new CommandFailed(outcome)
      if (!outcome.retryable || ctx.attempt < ctx.world.config.maxAttempts) throw error
      const reason = `Exceeded max scheduling attempts ${ctx.attempt} for instance ${ctx.subject}.`
      throw ctx.attempt === 1 ? error : new MaxRetriesExceeded(reason, outcome.message)
    },
  })
}

/** A host that is down keeps what it has of the guest: it asks, when it returns, and hears that the guest is not its own. */
async function destroy(ctx: Ctx<Params, { readonly schedule: Placed }>): Promise<Outcome<void, Trx>> {
  const { host } = ctx.outputs.schedule.host
  return async (trx) => {
    await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind: 'build' })
    const outcome = command(ctx, {
      kind: 'destroy',
      host,
      deadlineMs: ctx.world.config.buildTimeoutMs,
      guest: async () => guestSpecOf(await getInstance(trx, ctx.subject), ctx.params.image),
      succeeded: async () => undefined,
      hostDown: async () =>
        ctx.log.warn({ host }, 'the host is down: what it has of the guest is left to its return'),
    })
    return typeof outcome === 'function' ? outcome(trx) : outcome
  }
}
