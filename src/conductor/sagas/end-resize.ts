/** A resize ends: confirmed, what is left on the old host goes; reverted, the server is there again as it was. */
import type { OperationParams } from '#contracts/operations.ts'
import { findAvailabilityZone } from '#db/aggregates.ts'
import { getInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { type MigrationStatus, POWER_STATES } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import { powerStateOf } from '../power-state.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import { moveVolumes, moveVolumesBack } from './move-volumes.ts'
import { giveBack, migrationOf, releaseSource, retry, setStatus, sourceOf } from './moves.ts'
import { rebindPorts } from './rebind-ports.ts'
import { settle, without } from './settle.ts'
import { taskMs, tell, type Told, untell } from './tell.ts'

type Params = OperationParams<'confirm-resize'>

/** It was given its new flavor where it is. */
async function stayed(ctx: Ctx<Params, object>): Promise<boolean> {
  const { sourceCompute, destCompute } = await migrationOf(ctx)
  return destCompute === sourceCompute
}

const CONFIRM = { event: 'compute_confirm_resize' } as const

export const confirmResize = serverSaga<Params>('confirm-resize', {})
  .step('destroy', CONFIRM, {
    // The interfaces are the new host's.
    do: async (ctx) => {
      if (await stayed(ctx)) return done({})
      return tell(ctx, { kind: 'destroy', host: await sourceOf(ctx), as: { networkInfo: [] }, orLater: true })
    },
    // It can be asked for again.
    undo: async (ctx) => untellAs(ctx, 'finished'),
    deadlineMs: taskMs,
  })
  .step('allocations', CONFIRM, releaseSource)
  .step('confirmed', CONFIRM, { do: confirmed, deadlineMs: 60_000 })

async function confirmed(ctx: Ctx<Params, object>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    const { powerState, systemMetadata, vmState } = await getInstance(trx, ctx.subject)
    const isOff = powerState === POWER_STATES.shutdown
    if (vmState === 'resized')
      await settle(trx, ctx, {
        vmState: isOff ? 'stopped' : 'active',
        taskState: null,
        systemMetadata: without(systemMetadata, 'old_vm_state'),
      })
    await setStatus(trx, ctx, 'confirmed')
    return done(null)
  }
}

/** Nothing more is asked of the host, and the migration says how it stands. */
async function untellAs(ctx: Ctx<Params, object>, status: MigrationStatus): Promise<Outcome<void, Trx>> {
  const outcome = untell(ctx, status === 'error' && (await stayed(ctx)) ? 'stop' : 'destroy')
  return async (trx) => {
    await setStatus(trx, ctx, status)
    return typeof outcome === 'function' ? outcome(trx) : outcome
  }
}

const REVERT = { event: 'compute_revert_resize' } as const
const RETURN = { event: 'compute_finish_revert_resize' } as const

export const revertResize = serverSaga<Params>('revert-resize', { failedVmState: 'error' })
  .step(
    'destroy',
    { ...REVERT, taskState: 'resize_reverting' },
    {
      do: async (ctx) => {
        const { destCompute } = await migrationOf(ctx)
        const host = destCompute ?? ''
        if (await stayed(ctx)) return tell(ctx, { kind: 'stop', host, args: { timeoutMs: 0 } })
        return tell(ctx, { kind: 'destroy', host, as: { networkInfo: [] }, orLater: true })
      },
      undo: async (ctx) => untellAs(ctx, 'error'),
      deadlineMs: taskMs,
    },
  )
  .step('allocations', REVERT, {
    do: async (ctx) => {
      await giveBack(ctx)
      return done(null)
    },
    deadlineMs: 120_000,
    retry,
  })
  .step('ports', REVERT, { do: bindBack, deadlineMs: 300_000, retry })
  .step('volumes', RETURN, {
    do: async (ctx) => {
      const home = await sourceOf(ctx)
      return (await stayed(ctx)) ? done([]) : moveVolumes(ctx, { to: home, home })
    },
    // The old host is the server's again, whatever comes: what may be left on the new one is not.
    undo: async (ctx, own) => {
      if (own || (await stayed(ctx))) return done(undefined)
      return moveVolumesBack(ctx, { home: await sourceOf(ctx) }, [])
    },
    deadlineMs: 300_000,
    retry,
  })
  .step('start', RETURN, {
    do: startAgain,
    undo: async (ctx) => untell(ctx, 'start'),
    deadlineMs: taskMs,
  })
  .step('reverted', RETURN, { do: reverted, deadlineMs: 60_000 })

interface Back {
  readonly availabilityZone: string
  readonly networkInfo: readonly Vif[]
}

/** From here on the server is on its old host, with its old flavor. */
async function bindBack(ctx: Ctx<Params, object>): Promise<Outcome<Back, Trx>> {
  const { sourceNode, oldFlavor } = await migrationOf(ctx)
  const host = await sourceOf(ctx)
  const { availabilityZone: zone } = await getInstance(ctx.world.db, ctx.subject)
  const availabilityZone = (await findAvailabilityZone(ctx.world.db, host)) ?? zone ?? ''
  const networkInfo = await rebindPorts(ctx, host, availabilityZone)
  return async (trx) => {
    const there = { host, node: sourceNode, availabilityZone, networkInfo }
    await settle(trx, ctx, { ...there, ...(oldFlavor && { flavor: oldFlavor }) })
    return done({ availabilityZone, networkInfo })
  }
}

const wasStopped = async ({ world, subject }: Ctx<Params, object>): Promise<boolean> =>
  (await getInstance(world.db, subject)).systemMetadata['old_vm_state'] === 'stopped'

async function startAgain(ctx: Ctx<Params, object>): Promise<Outcome<Told, Trx>> {
  if (await wasStopped(ctx)) return done({ powerState: POWER_STATES.shutdown })
  return tell(ctx, { kind: 'start', host: await sourceOf(ctx) })
}

async function reverted(ctx: Ctx<Params, { readonly start: Told }>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    const { systemMetadata, vmState } = await getInstance(trx, ctx.subject)
    const isOff = systemMetadata['old_vm_state'] === 'stopped'
    if (vmState === 'resized')
      await settle(trx, ctx, {
        vmState: isOff ? 'stopped' : 'active',
        taskState: null,
        powerState: powerStateOf(ctx.outputs.start, POWER_STATES.running),
        launchedAt: ctx.world.clock.now(),
        systemMetadata: without(systemMetadata, 'old_vm_state'),
      })
    await setStatus(trx, ctx, 'reverted')
    return done(null)
  }
}
