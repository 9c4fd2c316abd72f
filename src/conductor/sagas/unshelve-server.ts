/** A shelved server is there again: started where it is, or built of its image on a host that is chosen anew. */
import type { OperationParams } from '#contracts/operations.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import { requireGroupPolicy } from '../group-policy.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, type ServerSaga, serverSaga, type Trx } from '../world.ts'
import { select } from './build-servers.ts'
import { moveVolumes, moveVolumesBack, volumeArgs } from './move-volumes.ts'
import { isPassingOrTaken, retry } from './moves.ts'
import { rebindPorts } from './rebind-ports.ts'
import { hostOf, settle, without } from './settle.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'unshelve-offloaded-server'>
type Selected = Awaited<ReturnType<typeof select>>['host']

const EVENT = 'compute_unshelve_instance'
const SHELVED_NOTES = ['shelved_at', 'shelved_image_id', 'shelved_host'] as const

/** The image served its purpose. That it stays does not make the server any less there. */
const removeImage =
  <P>(imageOf: (params: P) => string | null) =>
  async ({ world, log, params }: Ctx<P, object>): Promise<Outcome<null, Trx>> => {
    const imageId = imageOf(params)
    try {
      if (imageId !== null) await world.images.remove(imageId)
    } catch (error) {
      log.warn({ err: error, imageId }, 'the image of a shelved server stays')
    }
    return done(null)
  }

/** From here on nothing is undone: only the image is left to be removed. */
const isBack = async ({ world, subject }: Ctx<unknown, object>): Promise<boolean> =>
  (await getInstance(world.db, subject)).vmState === 'active'

const active =
  (spawned: (outputs: object) => Told) =>
  async (ctx: Ctx<unknown, object>): Promise<Outcome<null, Trx>> =>
  async (trx) => {
    const { systemMetadata } = await getInstance(trx, ctx.subject)
    await settle(trx, ctx, {
      vmState: 'active',
      taskState: null,
      powerState: powerStateOf(spawned(ctx.outputs), POWER_STATES.running),
      launchedAt: ctx.world.clock.now(),
      systemMetadata: without(systemMetadata, ...SHELVED_NOTES),
    })
    return done(null)
  }

const unshelveServer: ServerSaga = serverSaga<OperationParams<'unshelve-server'>>('unshelve-server', {})
  .step(
    'start',
    { taskState: 'unshelving', event: EVENT },
    {
      do: async (ctx) => tell(ctx, { kind: 'start', host: await hostOf(ctx) }),
      undo: async (ctx) => untell(ctx, 'start'),
      deadlineMs: taskMs,
    },
  )
  .step(
    'active',
    { event: EVENT },
    { do: active((outputs) => (outputs as { start: Told }).start), deadlineMs: 60_000 },
  )
  .step(
    'image',
    { event: EVENT },
    { do: removeImage(({ imageId }: OperationParams<'unshelve-server'>) => imageId), deadlineMs: 120_000 },
  )

const unshelveOffloadedServer: ServerSaga = serverSaga<Params>('unshelve-offloaded-server', {})
  .step(
    'schedule',
    { taskState: 'unshelving', event: 'schedule_instances' },
    {
      do: chooseHost,
      undo: leaveHost,
      deadlineMs: 180_000,
      retry: { times: 3, delayMs: 500, when: isPassingOrTaken },
    },
  )
  .step('ports', { event: EVENT }, { do: bindPorts, deadlineMs: 300_000 })
  .step(
    'volumes',
    { event: EVENT },
    {
      do: async (ctx) => moveVolumes(ctx, { to: ctx.outputs.schedule.host, home: null }),
      undo: async (ctx, own) =>
        (await isBack(ctx)) ? done(undefined) : moveVolumesBack(ctx, { home: null }, own),
      deadlineMs: 300_000,
      retry,
    },
  )
  .step('arrived', { event: EVENT }, { do: arrived, deadlineMs: 60_000 })
  .step(
    'spawn',
    { event: EVENT },
    {
      do: async (ctx) => {
        const { host } = ctx.outputs.schedule
        const as = { networkInfo: ctx.outputs.ports }
        const args = volumeArgs(ctx.outputs.volumes)
        return tell(ctx, { kind: 'build', host, image: ctx.params.image, as, args })
      },
      undo: async (ctx) => {
        const { host } = ctx.outputs.schedule
        return untell(ctx, 'build', (await isBack(ctx)) ? undefined : { kind: 'destroy', host })
      },
      deadlineMs: buildMs,
    },
  )
  .step(
    'active',
    { event: EVENT },
    { do: active((outputs) => (outputs as { spawn: Told }).spawn), deadlineMs: 60_000 },
  )
  .step(
    'image',
    { event: EVENT },
    { do: removeImage(({ image }: Params) => image?.id ?? null), deadlineMs: 120_000 },
  )

/** The host is written down at once, so that the others of its group see it there. */
async function chooseHost(ctx: Ctx<Params, object>): Promise<Outcome<Selected, Trx>> {
  const { host: selected } = await select(ctx)
  const { host, node, availabilityZone } = selected
  return async (trx) => {
    await requireGroupPolicy(trx, ctx.subject, host)
    await settle(trx, ctx, { host, node, availabilityZone })
    return done(selected)
  }
}

async function leaveHost(ctx: Ctx<Params, object>): Promise<Outcome<void, Trx>> {
  if (await isBack(ctx)) return done(undefined)
  await ctx.world.placement.release(ctx.subject)
  return async (trx) => {
    await updateInstance(trx, ctx.subject, { host: null, node: null }, { now: ctx.world.clock.now() })
    return done(undefined)
  }
}

async function bindPorts(
  ctx: Ctx<Params, { readonly schedule: Selected }>,
): Promise<Outcome<readonly Vif[], Trx>> {
  const { host, availabilityZone } = ctx.outputs.schedule
  return done(await rebindPorts(ctx, host, availabilityZone))
}

async function arrived(
  ctx: Ctx<Params, { readonly schedule: Selected; readonly ports: readonly Vif[] }>,
): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    await settle(trx, ctx, { networkInfo: ctx.outputs.ports })
    return done(null)
  }
}

export const unshelveSagas: readonly ServerSaga[] = [unshelveServer, unshelveOffloadedServer]
