/** A server moves to another host, stopped, maybe with another flavor; it stays on both until that is confirmed or reverted. */
import { getInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import {
  arrivedAt,
  bindThere,
  choose,
  holdSource,
  type Moved,
  type MoveParams,
  migrationOf,
  moveVolumesThere,
  setStatus,
  sourceOf,
  staysHere,
} from './moves.ts'
import { volumeArgs } from './move-volumes.ts'
import { settle } from './settle.ts'
import { shutdownTimeoutMs } from './stop-server.ts'
import { buildMs, taskMs, tell, type Told, untell } from './tell.ts'

const PREPARE = 'compute_prep_resize'

// Undone it is as it was, on its old host: a resize that fails is no error of the server.
export const resizeServer = serverSaga<MoveParams>('resize-server', {})
  .step('hold', { taskState: 'resize_prep', event: 'cold_migrate' }, holdSource)
  .step('choose', { event: PREPARE }, choose('pre-migrating'))
  .step(
    'leave',
    { taskState: 'resize_migrating', event: 'compute_resize_instance' },
    { do: leave, undo: stay, deadlineMs: (world) => taskMs(world) + buildMs(world) },
  )
  .step('ports', { taskState: 'resize_migrated', event: 'compute_finish_resize' }, bindThere)
  .step('volumes', { event: 'compute_finish_resize' }, moveVolumesThere(sourceOf))
  .step(
    'make',
    { taskState: 'resize_finish', event: 'compute_finish_resize' },
    { do: make, undo: unmake, deadlineMs: buildMs },
  )
  .step('stop', { event: 'compute_finish_resize' }, { do: stopThere, deadlineMs: taskMs })
  .step('resized', { event: 'compute_finish_resize' }, { do: resized, deadlineMs: 60_000 })

async function leave(ctx: Ctx<MoveParams, Pick<Moved, 'choose'>>): Promise<Outcome<Told, Trx>> {
  const instance = await getInstance(ctx.world.db, ctx.subject)
  const args = { timeoutMs: shutdownTimeoutMs(instance, ctx.world) }
  const kind = (await staysHere(ctx)) ? 'stop' : 'prepare-move'
  const outcome = tell(ctx, { kind, host: await sourceOf(ctx), args })
  return async (trx) => {
    await setStatus(trx, ctx, 'migrating')
    return typeof outcome === 'function' ? outcome(trx) : outcome
  }
}

/** What ran runs again where it was. */
async function stay(ctx: Ctx<MoveParams, Pick<Moved, 'choose'>>): Promise<Outcome<void, Trx>> {
  const { vmState } = await getInstance(ctx.world.db, ctx.subject)
  const host = await sourceOf(ctx)
  const told = (await staysHere(ctx)) ? 'stop' : 'prepare-move'
  return untell(ctx, told, vmState === 'active' ? { kind: 'start', host } : undefined)
}

async function make(ctx: Ctx<MoveParams, Moved>): Promise<Outcome<Told, Trx>> {
  const { host } = ctx.outputs.choose
  const { newFlavor } = await migrationOf(ctx)
  const as = { networkInfo: ctx.outputs.ports, ...(newFlavor && { flavor: newFlavor }) }
  if (await staysHere(ctx)) return tell(ctx, { kind: 'start', host, as, args: { growsDisks: true } })
  return tell(ctx, { kind: 'build', host, as, args: volumeArgs(ctx.outputs.volumes) })
}

async function unmake(ctx: Ctx<MoveParams, Pick<Moved, 'choose'>>): Promise<Outcome<void, Trx>> {
  const { host } = ctx.outputs.choose
  if (await staysHere(ctx)) return untell(ctx, 'start', { kind: 'stop', host, args: { timeoutMs: 0 } })
  return untell(ctx, 'build', { kind: 'destroy', host })
}

/** What was stopped is stopped there, too. */
async function stopThere(ctx: Ctx<MoveParams, Pick<Moved, 'choose'>>): Promise<Outcome<Told, Trx>> {
  const { vmState } = await getInstance(ctx.world.db, ctx.subject)
  if (vmState !== 'stopped') return done({ powerState: POWER_STATES.running })
  return tell(ctx, { kind: 'stop', host: ctx.outputs.choose.host, args: { timeoutMs: 0 } })
}

async function resized(ctx: Ctx<MoveParams, Moved & { readonly stop: Told }>): Promise<Outcome<null, Trx>> {
  const { newFlavor } = await migrationOf(ctx)
  return async (trx) => {
    const { systemMetadata, vmState } = await getInstance(trx, ctx.subject)
    if (vmState !== 'resized')
      await settle(trx, ctx, {
        ...arrivedAt(ctx.outputs),
        vmState: 'resized',
        taskState: null,
        powerState: powerStateOf(
          ctx.outputs.stop,
          vmState === 'stopped' ? POWER_STATES.shutdown : POWER_STATES.running,
        ),
        launchedAt: ctx.world.clock.now(),
        systemMetadata: { ...systemMetadata, old_vm_state: vmState },
        ...(newFlavor && { flavor: newFlavor }),
      })
    await setStatus(trx, ctx, 'finished')
    return done(null)
  }
}
