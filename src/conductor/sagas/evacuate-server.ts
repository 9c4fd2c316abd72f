/** A server whose host is down is built again on another one; what its old host has of it goes when that host returns. */
import type { OperationParams } from '#contracts/operations.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { mayDoBetterElsewhere } from '../command-step.ts'
import { injectedArgs } from '../guest-spec.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import { volumeArgs } from './move-volumes.ts'
import { arrivedAt, bindThere, choose, holdSource, type Moved, moveVolumesThere, setStatus } from './moves.ts'
import { settle } from './settle.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'evacuate-server'>

const EVENT = 'compute_rebuild_instance'

export const evacuateServer = serverSaga<Params>('evacuate-server', { failedVmState: 'error' })
  .step('hold', { taskState: 'rebuilding', event: 'rebuild_server' }, holdSource)
  .step('choose', { event: 'rebuild_server' }, choose('pre-migrating'))
  .step('ports', { event: EVENT }, bindThere)
  // Before anything is built: a host that only seemed to be down can write to them no more. It gets none back either.
  .step(
    'volumes',
    { event: EVENT },
    moveVolumesThere(async () => null),
  )
  .step(
    'make',
    { taskState: 'rebuild_spawning', event: EVENT },
    {
      do: async (ctx) => {
        const { choose: chosen, ports, volumes } = ctx.outputs
        const as = { networkInfo: ports }
        const args = { ...injectedArgs(ctx.params), ...volumeArgs(volumes) }
        return tell(ctx, { kind: 'build', host: chosen.host, image: ctx.params.image, as, args })
      },
      undo: async (ctx) => untell(ctx, 'build', { kind: 'destroy', host: ctx.outputs.choose.host }),
      deadlineMs: buildMs,
      rewind: {
        to: 'choose',
        when: mayDoBetterElsewhere,
        attempts: (world) => world.config.maxAttempts,
      },
    },
  )
  .step('stop', { event: EVENT }, { do: stopThere, deadlineMs: taskMs })
  .step('arrived', { event: EVENT }, { do: arrived, deadlineMs: 60_000 })

async function stopThere(ctx: Ctx<Params, Pick<Moved, 'choose'>>): Promise<Outcome<Told, Trx>> {
  if (!ctx.params.stopAfter) return done({ powerState: POWER_STATES.running })
  return tell(ctx, { kind: 'stop', host: ctx.outputs.choose.host, args: { timeoutMs: 0 } })
}

async function arrived(ctx: Ctx<Params, Moved & { readonly stop: Told }>): Promise<Outcome<null, Trx>> {
  const { stopAfter } = ctx.params
  return async (trx) => {
    await settle(trx, ctx, {
      ...arrivedAt(ctx.outputs),
      vmState: stopAfter ? 'stopped' : 'active',
      taskState: null,
      powerState: powerStateOf(ctx.outputs.stop, stopAfter ? POWER_STATES.shutdown : POWER_STATES.running),
      launchedAt: ctx.world.clock.now(),
    })
    await setStatus(trx, ctx, 'done')
    return done(null)
  }
}
