/**
 * A server is deleted. It always wins: whatever else runs on the instance is cancelled and undoes itself
 * first, and a host that is down is not waited for.
 */
import { listBlockDevicesOf } from '#db/block-devices.ts'
import { removeConsoleTokens } from '#db/console-tokens.ts'
import { listHostsOfMoves, listUnsettledOf, updateMigration } from '#db/instance-migrations.ts'
import { endInstance, findInstance } from '#db/instances.ts'
import { isFault } from '#lib/fault.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import { CommandFailed, command } from '../command-step.ts'
import { ownersPorts } from '../owners-ports.ts'
import { guestSpecOf, rememberedImage } from '../guest-spec.ts'
import { isPassing } from '../passing.ts'
import { type Ctx, serverSaga, type Trx } from '../world.ts'
import { cancelOthers } from './cancel-others.ts'
import { tell, type Told } from './tell.ts'

const EVENT = 'compute_terminate_instance'
const retryDestroy = { times: 2, delayMs: 500, when: (error: unknown) => error instanceof CommandFailed }
/** Its owner was told that it will be gone: a neighbour that is away for a minute does not change that. */
const retry = { times: 7, delayMs: 500, when: isPassing }

// No step has an undo: what is gone is gone, and a delete that failed can only be asked for again.
export const deleteServer = serverSaga<object>('delete-server', { failedVmState: 'error', deletes: true })
  .step('cancel others', { taskState: 'deleting' }, { do: cancelOthers, deadlineMs: 3_600_000 })
  .step(
    'destroy',
    { event: EVENT },
    {
      do: destroy,
      onlyWrites: true,
      deadlineMs: (world) => destroyDeadlineMs(world.config),
      retry: retryDestroy,
    },
  )
  .step(
    'destroy elsewhere',
    { event: EVENT },
    {
      do: destroyElsewhere,
      deadlineMs: (world) => destroyDeadlineMs(world.config),
      retry: retryDestroy,
    },
  )
  .step('volumes', { event: EVENT }, { do: releaseVolumes, deadlineMs: 120_000, retry })
  .step('ports', { event: EVENT }, { do: releasePorts, deadlineMs: 120_000, retry })
  .step('allocations', { event: EVENT }, { do: releaseAllocations, deadlineMs: 120_000, retry })
  .step('gone', { event: EVENT }, { do: remove, deadlineMs: 60_000 })

/** Long enough to see a silent host go down. */
const destroyDeadlineMs = (config: {
  commandTimeoutMs: number
  serviceDownTimeMs: number
  commandPollMs: number
}): number => config.commandTimeoutMs + config.serviceDownTimeMs + 2 * config.commandPollMs

async function destroy(ctx: Ctx<object, object>): Promise<Outcome<null, Trx>> {
  const { world, subject } = ctx
  return async (trx) => {
    const instance = await findInstance(trx, subject)
    if (!instance?.host) return done(null)
    const { host } = instance
    const outcome = command(ctx, {
      kind: 'destroy',
      host,
      deadlineMs: destroyDeadlineMs(world.config),
      guest: async () => guestSpecOf(instance, rememberedImage(instance)),
      succeeded: async () => null,
      hostDown: async () => {
        // When it returns it asks which guests are its own, and hears that this one is not.
        ctx.log.warn({ host }, 'the host is down: the guest is left to its return')
        return null
      },
    })
    return typeof outcome === 'function' ? outcome(trx) : outcome
  }
}

/** Its volumes are free again; those that were to end with it are removed, as far as Cinder lets them go. */
async function releaseVolumes({ world, subject, log }: Ctx<object, object>): Promise<Outcome<null, Trx>> {
  const devices = await listBlockDevicesOf(world.db, subject)
  for (const { volumeId, attachmentId, deleteOnTermination } of devices) {
    if (attachmentId !== null) await world.volumes.release(attachmentId)
    if (volumeId === null || !deleteOnTermination) continue
    try {
      await world.volumes.removeAsService(volumeId)
    } catch (error) {
      // It has snapshots, or another server: its owner will see to it, as with Nova.
      if (!isFault(error, 'badRequest', 'conflict', 'forbidden')) throw error
      log.warn({ err: error, volumeId }, 'a volume stays')
    }
  }
  return done(null)
}

/**
 * A server that is moving, or moved and not settled, is on another host too; and the host that it was evacuated from
 * keeps what it had. Of several such the others hear of it when they next compare their guests.
 */
async function destroyElsewhere(ctx: Ctx<object, object>): Promise<Outcome<Told, Trx>> {
  const { world, subject } = ctx
  const host = (await findInstance(world.db, subject))?.host
  const other = (await listHostsOfMoves(world.db, subject)).find((one) => one !== host)
  if (!other) return done({})
  return tell(ctx, { kind: 'destroy', host: other, as: { networkInfo: [] }, orLater: true })
}

async function releasePorts({ world, subject }: Ctx<object, object>): Promise<Outcome<null, Trx>> {
  await world.networks.release(subject, await ownersPorts(world.db, subject))
  return done(null)
}

async function releaseAllocations(ctx: Ctx<object, object>): Promise<Outcome<null, Trx>> {
  const { world, subject } = ctx
  const moves = await listUnsettledOf(world.db, subject)
  for (const consumer of [subject, ...moves.map(({ uuid }) => uuid)]) await world.placement.release(consumer)
  if (moves.length === 0) return done(null)
  return async (trx) => {
    const now = world.clock.now()
    for (const { uuid, status } of moves)
      await updateMigration(trx, uuid, { status: status === 'finished' ? 'confirmed' : 'error' }, { now })
    return done(null)
  }
}

async function remove({ world, subject }: Ctx<object, object>): Promise<Outcome<null, Trx>> {
  return async (trx) => {
    const now = world.clock.now()
    await removeConsoleTokens(trx, subject)
    await endInstance(trx, { uuid: subject, now })
    return done(null)
  }
}
