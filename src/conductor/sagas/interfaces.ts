/** Interfaces come and go: the API has bound the port, the compute plugs it; or unplugs it, and the port is let go. */
import { withdrawCommands } from '#db/commands.ts'
import { getInstance, modifyInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import type { Vif } from '#model/network/index.ts'
import { isPassing } from '../passing.ts'
import { type Ctx, serverSaga, type ServerSaga, type Trx } from '../world.ts'
import { commandMs, onHost, withdraw } from './on-host.ts'

interface OfPort {
  readonly portId: string
}

const SHORT_MS = 120_000
const retry = { times: 2, delayMs: 500, when: isPassing }

async function vifOf({ world, subject, params }: Ctx<OfPort, object>): Promise<Vif | undefined> {
  const { networkInfo } = await getInstance(world.db, subject)
  return networkInfo.find(({ id }) => id === params.portId)
}

/** The port is removed, or free when it was its owner's. */
async function release(ctx: Ctx<OfPort, object>): Promise<void> {
  const vif = await vifOf(ctx)
  if (vif) await ctx.world.networks.detach(vif.id, { keep: vif.preexisting })
}

/** The instance has the interface no more. */
async function forget({ world, subject, params }: Ctx<OfPort, object>, trx: Trx): Promise<void> {
  await modifyInstance(trx, subject, { now: world.clock.now() }, ({ networkInfo }) => ({
    networkInfo: networkInfo.filter(({ id }) => id !== params.portId),
  }))
}

const ATTACH = 'compute_attach_interface'

const attachInterface = serverSaga<OfPort>('attach-interface', {})
  .step(
    'hold',
    {},
    {
      deadlineMs: SHORT_MS,
      do: async () => done(null),
      undo: async (ctx): Promise<Outcome<void, Trx>> => {
        await release(ctx)
        return async (trx) => {
          await forget(ctx, trx)
          return done(undefined)
        }
      },
    },
  )
  .step(
    'plug',
    { event: ATTACH },
    {
      deadlineMs: commandMs,
      do: async (ctx) => onHost(ctx, 'attach-interface', { vif: await vifOf(ctx) }),
      undo: async (ctx): Promise<Outcome<void, Trx>> => {
        const vif = await vifOf(ctx)
        const unplugged = vif ? await onHost(ctx, 'detach-interface', { vif }, true) : done(null)
        return async (trx) => {
          await withdrawCommands(trx, ctx.operationId, {
            now: ctx.world.clock.now(),
            kind: 'attach-interface',
          })
          const outcome = typeof unplugged === 'function' ? await unplugged(trx) : unplugged
          return outcome.kind === 'parked' ? outcome : done(undefined)
        }
      },
    },
  )

const DETACH = 'compute_detach_interface'

const detachInterface = serverSaga<OfPort>('detach-interface', {})
  .step(
    'unplug',
    { event: DETACH },
    {
      deadlineMs: commandMs,
      do: async (ctx) => onHost(ctx, 'detach-interface', { vif: await vifOf(ctx) }),
      undo: withdraw('detach-interface'),
    },
  )
  .step(
    'release',
    { event: DETACH },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        await release(ctx)
        return async (trx) => {
          await forget(ctx, trx)
          return done(null)
        }
      },
      // A port that went does not come back.
      undo: async (ctx): Promise<Outcome<void, Trx>> => {
        const ports = await ctx.world.networks.ports(ctx.subject)
        const isThere = ports.some(({ id }) => id === ctx.params.portId)
        return async (trx) => {
          if (!isThere) await forget(ctx, trx)
          return done(undefined)
        }
      },
    },
  )

export const interfaceSagas: readonly ServerSaga[] = [attachInterface, detachInterface]
