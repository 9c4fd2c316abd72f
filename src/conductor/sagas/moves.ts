/**
 * The steps that moves of an instance share. While it is on its way its old host is held in the migration's
 * name, so that nothing else takes the room before it is known which of both hosts it needs.
 */
import type { OperationParams } from '#contracts/operations.ts'
import type { SelectedHost } from '#contracts/scheduler.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import { findMigration, updateMigration } from '#db/instance-migrations.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import { done, type Earlier, type Step } from '#lib/saga/index.ts'
import type { InstanceMigration, MigrationStatus } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { Consumer } from '#neighbours/placement/port.ts'
import { NOT_DELETING } from '../announce.ts'
import { GroupPolicyViolated, requireGroupPolicy } from '../group-policy.ts'
import { isPassing } from '../passing.ts'
import type { ConductorTypes, Ctx, Trx } from '../world.ts'
import { MaxRetriesExceeded, NoValidHost, select } from './build-servers.ts'
import { type MovedVolume, moveVolumes, moveVolumesBack } from './move-volumes.ts'
import { rebindPorts } from './rebind-ports.ts'

/** What every move is asked with. */
export type MoveParams = OperationParams<'resize-server'>
type Named = Pick<MoveParams, 'migrationUuid'>

/** Another choice may do. */
export const isPassingOrTaken = (error: unknown): boolean =>
  isPassing(error) || error instanceof GroupPolicyViolated

export const retry = { times: 7, delayMs: 500, when: isPassing }

export async function migrationOf({ world, params }: Ctx<Named, object>): Promise<InstanceMigration> {
  const migration = await findMigration(world.db, params.migrationUuid)
  if (!migration) throw new Error(`Migration ${params.migrationUuid} could not be found.`)
  return migration
}

export async function setStatus(
  trx: Trx,
  { world, params }: Ctx<Named, object>,
  status: MigrationStatus,
): Promise<void> {
  await updateMigration(trx, params.migrationUuid, { status }, { now: world.clock.now() })
}

/** The host that the instance leaves. */
export async function sourceOf(ctx: Ctx<Named, object>): Promise<string> {
  const { sourceCompute } = await migrationOf(ctx)
  if (sourceCompute === null) throw new Error(`Migration ${ctx.params.migrationUuid} has no source.`)
  return sourceCompute
}

async function consumersOf({ world, subject, params }: Ctx<Named, object>) {
  const { projectId, userId } = await getInstance(world.db, subject)
  const instance: Consumer = { instanceUuid: subject, projectId, userId }
  return {
    instance,
    migration: { ...instance, instanceUuid: params.migrationUuid, type: 'MIGRATION' } as const,
  }
}

/** What the instance holds is the migration's again, or the other way round: nothing to move is success. */
export async function giveBack(ctx: Ctx<Named, object>): Promise<void> {
  const { placement } = ctx.world
  const held = await placement.allocationsOf(ctx.params.migrationUuid)
  if (Object.keys(held).length === 0) return
  await placement.release(ctx.subject)
  const { instance, migration } = await consumersOf(ctx)
  await placement.move(migration, instance)
}

/** A resize may choose the host that the instance is on: it gets its new flavor there. */
export async function staysHere(ctx: Ctx<Named, Pick<Moved, 'choose'>>): Promise<boolean> {
  return ctx.outputs.choose.host === (await sourceOf(ctx))
}

/** From here on nothing is undone: the instance is on its new host. */
export async function hasArrived(ctx: Ctx<Named, object>): Promise<boolean> {
  const { sourceCompute } = await migrationOf(ctx)
  return (await getInstance(ctx.world.db, ctx.subject)).host !== sourceCompute
}

type MoveStep<Outputs, Out, P extends Named = MoveParams> = Step<P, Outputs, Out, ConductorTypes>

/** Holds the old host in the migration's name. A move that fails is an error, and holds nothing but the old host. */
export const holdSource: MoveStep<object, null> = {
  do: async (ctx) => {
    const held = await ctx.world.placement.allocationsOf(ctx.params.migrationUuid)
    // Done already: what the instance holds now may be its claim of the new host.
    if (Object.keys(held).length > 0) return done(null)
    const { instance, migration } = await consumersOf(ctx)
    await ctx.world.placement.move(instance, migration)
    return done(null)
  },
  undo: async (ctx) => {
    const arrived = await hasArrived(ctx)
    await (arrived ? ctx.world.placement.release(ctx.params.migrationUuid) : giveBack(ctx))
    const wasGivenUp = ctx.failure === null
    return async (trx) => {
      await setStatus(trx, ctx, arrived ? 'completed' : wasGivenUp ? 'cancelled' : 'error')
      // Who gave it up may have done so to delete the instance, which is the delete's then.
      const options = { now: ctx.world.clock.now(), expect: { taskState: NOT_DELETING } }
      if (wasGivenUp) await updateInstance(trx, ctx.subject, { taskState: null }, options)
      return done(undefined)
    }
  },
  deadlineMs: 120_000,
  retry,
}

/** A host that none of the earlier ones is, which could not make it. */
async function selectAnew(
  ctx: Ctx<MoveParams, object>,
  earlier: readonly Earlier<SelectedHost>[],
): ReturnType<typeof select> {
  const last = earlier.at(-1)
  if (!last) return select(ctx)
  const { spec } = ctx.params
  const exhausted = (error?: unknown) =>
    new MaxRetriesExceeded(
      `Exhausted all hosts available for retrying build failures for instance ${ctx.subject}.`,
      last.failure.message,
      { cause: error },
    )
  if (spec.forceHost !== null) throw exhausted()
  const ignoreHosts = [...spec.ignoreHosts, ...earlier.map(({ output }) => output.host)]
  try {
    return await select({ ...ctx, params: { ...ctx.params, spec: { ...spec, ignoreHosts } } })
  } catch (error) {
    throw error instanceof NoValidHost ? exhausted(error) : error
  }
}

/** Chooses and claims the new host. `addressed` moves note its address too, as Nova does of all but live ones. */
export const choose = (
  status: MigrationStatus,
  { addressed = true }: { readonly addressed?: boolean } = {},
): MoveStep<object, SelectedHost> => ({
  do: async (ctx, earlier) => {
    const { host } = await selectAnew(ctx, earlier)
    const [node] = addressed ? await listComputeNodes(ctx.world.db, { host: host.host }) : []
    const address = node && node.hostIp !== '' && { destHost: node.hostIp }
    const { migrationType } = await migrationOf(ctx)
    // Who forces an evacuation asks nobody, as in Nova.
    const isForced = ctx.params.spec.forceHost !== null && ctx.params.spec.heedsFilters !== true
    return async (trx) => {
      if (!(isForced && migrationType === 'evacuation')) await requireGroupPolicy(trx, ctx.subject, host.host)
      const to = { destCompute: host.host, destNode: host.node, ...address }
      await updateMigration(trx, ctx.params.migrationUuid, { ...to, status }, { now: ctx.world.clock.now() })
      return done(host)
    }
  },
  undo: async (ctx) => {
    if (!(await hasArrived(ctx))) await ctx.world.placement.release(ctx.subject)
    return done(undefined)
  },
  deadlineMs: 180_000,
  retry: { times: 3, delayMs: 500, when: isPassingOrTaken },
})

/** Binds the interfaces to the new host; undone, to the old one. */
export const bindThere: MoveStep<{ readonly choose: SelectedHost }, readonly Vif[]> = {
  do: async (ctx) => {
    const { host, availabilityZone } = ctx.outputs.choose
    return done(await rebindPorts(ctx, host, availabilityZone))
  },
  undo: async (ctx) => {
    const { host, availabilityZone } = await getInstance(ctx.world.db, ctx.subject)
    if (host !== null) await rebindPorts(ctx, host, availabilityZone ?? '')
    return done(undefined)
  },
  deadlineMs: 300_000,
  retry,
}

/** Attaches the volumes on the new host, where no host runs the guest meanwhile; undone, on the one that `home` says. */
export const moveVolumesThere = (
  home: (ctx: Ctx<MoveParams, object>) => Promise<string | null>,
): MoveStep<{ readonly choose: SelectedHost }, readonly MovedVolume[]> => ({
  do: async (ctx) => {
    if (await staysHere(ctx)) return done([])
    return moveVolumes(ctx, { to: ctx.outputs.choose.host, home: await home(ctx) })
  },
  undo: async (ctx, own) =>
    (await staysHere(ctx)) ? done(undefined) : moveVolumesBack(ctx, { home: await home(ctx) }, own),
  deadlineMs: 300_000,
  retry,
})

/** The old host's room is free. */
export const releaseSource: MoveStep<object, null, Named> = {
  do: async ({ world, params }) => {
    await world.placement.release(params.migrationUuid)
    return done(null)
  },
  deadlineMs: 120_000,
  retry,
}

export interface Moved {
  readonly choose: SelectedHost
  readonly ports: readonly Vif[]
  readonly volumes: readonly MovedVolume[]
}

/** Where the instance is now. */
export const arrivedAt = ({
  choose: { host, node, availabilityZone },
  ports,
}: Pick<Moved, 'choose' | 'ports'>) => ({
  host,
  node,
  availabilityZone,
  networkInfo: ports,
})
