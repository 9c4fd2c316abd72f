/** A server moves to another host while it runs. */
import type { OperationParams } from '#contracts/operations.ts'
import { getInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import {
  arrivedAt,
  bindThere,
  choose,
  hasArrived,
  holdSource,
  type Moved,
  retry,
  setStatus,
  sourceOf,
} from './moves.ts'
import { attachBeside, keepNamed, nameAttachments, volumeArgs } from './move-volumes.ts'
import { settle } from './settle.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'live-migrate-server'>

const EVENT = 'compute_live_migration'

export const liveMigrateServer = serverSaga<Params>('live-migrate-server', {})
  .step('hold', { taskState: 'migrating', event: 'conductor_live_migrate_instance' }, holdSource)
  .step('choose', { event: 'conductor_live_migrate_instance' }, choose('preparing', { addressed: false }))
  .step(
    'leave',
    { event: EVENT },
    {
      do: leave,
      undo: async (ctx) => untell(ctx, 'prepare-live-move'),
      deadlineMs: taskMs,
    },
  )
  .step('ports', { event: EVENT }, bindThere)
  .step(
    'volumes',
    { event: EVENT },
    {
      do: async (ctx) => attachBeside(ctx, ctx.outputs.choose.host),
      undo: async (ctx) => (await keepNamed(ctx), done(undefined)),
      deadlineMs: 300_000,
      retry,
    },
  )
  .step('make', { event: EVENT }, { do: make, undo: unmake, deadlineMs: buildMs })
  .step('pause', { event: EVENT }, { do: pauseThere, deadlineMs: taskMs })
  .step('arrived', { event: EVENT }, { do: arrived, deadlineMs: 60_000 })
  .step('destroy', { event: EVENT }, { do: destroyHere, deadlineMs: taskMs })
  .step(
    'volumes there',
    { event: EVENT },
    { do: async (ctx) => (await keepNamed(ctx), done(null)), deadlineMs: 300_000, retry },
  )
  .step('allocations', { event: EVENT }, { do: releaseHere, deadlineMs: 120_000 })
  .step('completed', { event: EVENT }, { do: completed, deadlineMs: 60_000 })

async function leave(ctx: Ctx<Params, object>): Promise<Outcome<Told, Trx>> {
  const outcome = tell(ctx, { kind: 'prepare-live-move', host: await sourceOf(ctx) })
  return async (trx) => {
    await setStatus(trx, ctx, 'running')
    return typeof outcome === 'function' ? outcome(trx) : outcome
  }
}

async function make(ctx: Ctx<Params, Moved>): Promise<Outcome<Told, Trx>> {
  const { choose: chosen, ports, volumes } = ctx.outputs
  const as = { networkInfo: ports }
  return tell(ctx, { kind: 'build', host: chosen.host, as, args: volumeArgs(volumes) })
}

async function unmake(ctx: Ctx<Params, Pick<Moved, 'choose'>>): Promise<Outcome<void, Trx>> {
  const { host } = ctx.outputs.choose
  return untell(ctx, 'build', (await hasArrived(ctx)) ? undefined : { kind: 'destroy', host })
}

/** What was paused is paused there, too. */
async function pauseThere(ctx: Ctx<Params, Pick<Moved, 'choose'>>): Promise<Outcome<Told, Trx>> {
  const { vmState } = await getInstance(ctx.world.db, ctx.subject)
  return vmState === 'paused' ? tell(ctx, { kind: 'pause', host: ctx.outputs.choose.host }) : done({})
}

/** From here on it is there. */
async function arrived(ctx: Ctx<Params, Moved>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    await settle(trx, ctx, arrivedAt(ctx.outputs))
    await nameAttachments(trx, ctx, ctx.outputs.volumes)
    await setStatus(trx, ctx, 'post-migrating')
    return done(null)
  }
}

/** It has arrived: what cannot be cleared away now is, when the old host looks for what is not its own. */
async function destroyHere(ctx: Ctx<Params, object>): Promise<Outcome<Told, Trx>> {
  const host = await sourceOf(ctx)
  return tell(ctx, { kind: 'destroy', host, as: { networkInfo: [] }, orLater: true, orNot: true })
}

/** And what is still held is given back when allocations without an instance are looked for. */
async function releaseHere({ world, params, log }: Ctx<Params, object>): Promise<Outcome<null, Trx>> {
  try {
    await world.placement.release(params.migrationUuid)
  } catch (error) {
    log.warn({ err: error }, 'what the migration held is left to repair')
  }
  return done(null)
}

async function completed(ctx: Ctx<Params, object>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    await settle(trx, ctx, { taskState: null })
    await setStatus(trx, ctx, 'completed')
    return done(null)
  }
}
