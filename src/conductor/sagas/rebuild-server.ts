/** A server is rebuilt where it is: its guest is removed and made anew of an image, with the same interfaces and address. */
import type { OperationParams } from '#contracts/operations.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { injectedArgs } from '../guest-spec.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import { moveVolumes, moveVolumesBack, volumeArgs } from './move-volumes.ts'
import { retry } from './moves.ts'
import { hostOf, settle } from './settle.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'rebuild-server'>

const EVENT = 'compute_rebuild_instance'

// What is removed is gone: nothing brings the old disk back, so a failure is an error, as with Nova.
export const rebuildServer = serverSaga<Params>('rebuild-server', { failedVmState: 'error' })
  .step(
    'destroy',
    { taskState: 'rebuilding', event: EVENT },
    {
      do: async (ctx) => tell(ctx, { kind: 'destroy', host: await hostOf(ctx) }),
      undo: async (ctx) => untell(ctx, 'destroy'),
      deadlineMs: taskMs,
    },
  )
  .step(
    'volumes',
    { event: EVENT },
    {
      do: async (ctx) => {
        const home = await hostOf(ctx)
        return moveVolumes(ctx, { to: home, home })
      },
      undo: async (ctx, own) =>
        own ? done(undefined) : moveVolumesBack(ctx, { home: await hostOf(ctx) }, own),
      deadlineMs: 300_000,
      retry,
    },
  )
  .step(
    'spawn',
    { taskState: 'rebuild_spawning', event: EVENT },
    {
      do: async (ctx) => {
        const { image } = ctx.params
        const args = { ...injectedArgs(ctx.params), ...volumeArgs(ctx.outputs.volumes) }
        return tell(ctx, { kind: 'build', host: await hostOf(ctx), image, args })
      },
      undo: async (ctx) => untell(ctx, 'build'),
      deadlineMs: buildMs,
    },
  )
  .step('stop', {}, { do: stopAgain, undo: async (ctx) => untell(ctx, 'stop'), deadlineMs: taskMs })
  .step('rebuilt', {}, { do: rebuilt, deadlineMs: 60_000 })

/** What was stopped is stopped again. */
async function stopAgain(ctx: Ctx<Params, object>): Promise<Outcome<Told, Trx>> {
  if (!ctx.params.stopAfter) return done({})
  return tell(ctx, { kind: 'stop', host: await hostOf(ctx), args: { timeoutMs: 0 } })
}

async function rebuilt(
  ctx: Ctx<Params, { readonly spawn: Told; readonly stop: Told }>,
): Promise<Outcome<null, Trx>> {
  const { stopAfter } = ctx.params
  const { running, shutdown } = POWER_STATES
  return async (trx) => {
    await settle(trx, ctx, {
      vmState: stopAfter ? 'stopped' : 'active',
      taskState: null,
      powerState: stopAfter
        ? powerStateOf(ctx.outputs.stop, shutdown)
        : powerStateOf(ctx.outputs.spawn, running),
      launchedAt: ctx.world.clock.now(),
    })
    return done(null)
  }
}
