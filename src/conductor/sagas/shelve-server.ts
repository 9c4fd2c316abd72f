/** A server is shelved: stopped, and kept as an image; offloaded it leaves its host altogether. */
import type { OperationParams } from '#contracts/operations.ts'
import { getInstance } from '#db/instances.ts'
import { done, type Outcome, type Step } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { isPassing } from '../passing.ts'
import {
  type ConductorTypes,
  type Ctx,
  type ServerSaga,
  serverSaga,
  type StepColumns,
  type Trx,
} from '../world.ts'
import { moveVolumes, moveVolumesBack } from './move-volumes.ts'
import { hostOf, settle } from './settle.ts'
import { shutdownTimeoutMs } from './stop-server.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'shelve-server'>
type ShelveStep<P, Out> = Step<P, object, Out, ConductorTypes>

const SHELVE: StepColumns = { taskState: 'shelving', event: 'compute_shelve_instance' }
const UPLOAD: StepColumns = { ...SHELVE, taskState: 'shelving_image_uploading' }
const OFFLOAD: StepColumns = {
  taskState: 'shelving_offloading',
  event: 'compute_shelve_offload_instance',
}

const stop: ShelveStep<Params, Told> = {
  do: async (ctx) => {
    const instance = await getInstance(ctx.world.db, ctx.subject)
    const timeoutMs = shutdownTimeoutMs(instance, ctx.world)
    return tell(ctx, { kind: 'stop', host: await hostOf(ctx), args: { timeoutMs } })
  },
  // A server that ran runs again, and what was to be its image is none.
  undo: async (ctx) => {
    const { host, vmState } = await getInstance(ctx.world.db, ctx.subject)
    const { imageId } = ctx.params
    if (vmState !== 'shelved' && imageId !== null) await ctx.world.images.remove(imageId)
    return untell(ctx, 'stop', host !== null && vmState === 'active' ? { kind: 'start', host } : undefined)
  },
  deadlineMs: (world) => taskMs(world) + buildMs(world),
}

const upload: ShelveStep<Params, Told> = {
  do: async (ctx) => {
    const { imageId } = ctx.params
    return imageId === null
      ? done({})
      : tell(ctx, { kind: 'snapshot', host: await hostOf(ctx), args: { imageId } })
  },
  undo: async (ctx) => untell(ctx, 'snapshot'),
  deadlineMs: buildMs,
}

const shelved =
  (isLast: boolean) =>
  async (ctx: Ctx<Params, object>): Promise<Outcome<null, Trx>> => {
    const { world, params, subject } = ctx
    return async (trx) => {
      const { systemMetadata, host } = await getInstance(trx, subject)
      const notes = {
        shelved_at: new Date(world.clock.now()).toISOString(),
        ...(params.imageId !== null && { shelved_image_id: params.imageId }),
        ...(host !== null && { shelved_host: host }),
      }
      await settle(trx, ctx, {
        vmState: 'shelved',
        powerState: POWER_STATES.shutdown,
        systemMetadata: { ...systemMetadata, ...notes },
        ...(isLast && { taskState: null }),
      })
      return done(null)
    }
  }

const leave: ShelveStep<unknown, Told> = {
  do: async (ctx) => {
    const { host } = await getInstance(ctx.world.db, ctx.subject)
    return host === null ? done({}) : tell(ctx, { kind: 'destroy', host, orLater: true })
  },
  undo: async (ctx) => untell(ctx, 'destroy'),
  deadlineMs: taskMs,
}

/** Kept for it, and on no host. */
const keepVolumes: ShelveStep<unknown, null> = {
  do: async (ctx) => {
    const outcome = await moveVolumes(ctx, { to: null, home: null })
    return async (trx) => {
      if (typeof outcome === 'function') await outcome(trx)
      return done(null)
    }
  },
  undo: async (ctx) => moveVolumesBack(ctx, { home: null }, undefined),
  deadlineMs: 300_000,
  retry: { times: 7, delayMs: 500, when: isPassing },
}

const release: ShelveStep<unknown, null> = {
  do: async ({ world, subject }) => {
    await world.placement.release(subject)
    return done(null)
  },
  deadlineMs: 120_000,
  retry: { times: 7, delayMs: 500, when: isPassing },
}

async function offloaded(ctx: Ctx<unknown, object>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    await settle(trx, ctx, { vmState: 'shelved_offloaded', taskState: null, host: null, node: null })
    return done(null)
  }
}

const shelveServer: ServerSaga = serverSaga<Params>('shelve-server', {})
  .step('stop', SHELVE, stop)
  .step('snapshot', UPLOAD, upload)
  .step('shelved', { event: SHELVE.event ?? '' }, { do: shelved(true), deadlineMs: 60_000 })

const shelveAndOffloadServer: ServerSaga = serverSaga<Params>('shelve-and-offload-server', {})
  .step('stop', SHELVE, stop)
  .step('snapshot', UPLOAD, upload)
  .step('shelved', { event: SHELVE.event ?? '' }, { do: shelved(false), deadlineMs: 60_000 })
  .step('destroy', OFFLOAD, leave)
  .step('volumes', OFFLOAD, keepVolumes)
  .step('allocations', OFFLOAD, release)
  .step('offloaded', OFFLOAD, { do: offloaded, deadlineMs: 60_000 })

const offloadServer: ServerSaga = serverSaga<object>('offload-server', {})
  .step('destroy', OFFLOAD, leave)
  .step('volumes', OFFLOAD, keepVolumes)
  .step('allocations', OFFLOAD, release)
  .step('offloaded', OFFLOAD, { do: offloaded, deadlineMs: 60_000 })

export const shelveSagas: readonly ServerSaga[] = [shelveServer, shelveAndOffloadServer, offloadServer]
