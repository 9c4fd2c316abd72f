/** Volumes come and go: Cinder is told of the host, the compute does it, and Cinder hears that it is done. */
import type { OperationParams } from '#contracts/operations.ts'
import { findBlockDevice, removeBlockDevice, updateBlockDevice } from '#db/block-devices.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance } from '#db/instances.ts'
import { done, OperationCancelled, type Outcome } from '#lib/saga/index.ts'
import type { BlockDevice } from '#model/instance/index.ts'
import type { Connection } from '#neighbours/volumes/port.ts'
import { isPassing } from '../passing.ts'
import { type Ctx, serverSaga, type ServerSaga, type Trx } from '../world.ts'
import { connectorOf } from './connector.ts'
import { commandMs, onHost, withdraw } from './on-host.ts'

interface OfDevice {
  readonly blockDeviceUuid: string
}

type Swap = OperationParams<'swap-volume'>

const SHORT_MS = 120_000
const retry = { times: 2, delayMs: 500, when: isPassing }

/** The block device. One that is gone went with its instance. */
async function deviceOf({ world, params }: Ctx<OfDevice, object>): Promise<BlockDevice> {
  const device = await findBlockDevice(world.db, params.blockDeviceUuid)
  if (!device) throw new OperationCancelled(`block device ${params.blockDeviceUuid} is gone`)
  return device
}

/** Says to Cinder where the volume will be used. Null for an instance that is on no host: when it gets one, it is connected. */
async function connect(
  { world, subject }: Ctx<unknown, object>,
  attachmentId: string | null,
  deviceName: string | null,
): Promise<Connection | null> {
  const { host } = await getInstance(world.db, subject)
  if (host === null || attachmentId === null) return null
  const connector = await connectorOf(world, host)
  return (await world.volumes.connect(attachmentId, connector, deviceName)).connection
}

const guestVolume = (device: BlockDevice, connection: Connection | null) => ({
  volumeId: device.volumeId ?? '',
  deviceName: device.deviceName,
  tag: device.tag,
  connection,
})

/**
 * The volume is in use from now on. Also that of an instance on no host, as Nova has it: it holds the volume, and
 * connects it when it gets a host.
 */
async function complete({ world }: Ctx<unknown, object>, attachmentId: string | null): Promise<void> {
  if (attachmentId !== null) await world.volumes.complete(attachmentId)
}

const ATTACH = 'compute_attach_volume'

const attachVolume = serverSaga<OfDevice>('attach-volume', {})
  .step('hold', {}, { do: async () => done(null), undo: letGo, deadlineMs: SHORT_MS })
  .step(
    'connect',
    { event: ATTACH },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        const { attachmentId, deviceName } = await deviceOf(ctx)
        return done({ connection: await connect(ctx, attachmentId, deviceName) })
      },
    },
  )
  .step(
    'attach',
    { event: ATTACH },
    {
      deadlineMs: commandMs,
      do: async (ctx) =>
        onHost(ctx, 'attach-volume', {
          volume: guestVolume(await deviceOf(ctx), ctx.outputs.connect.connection),
        }),
      undo: async (ctx) => {
        const device = await findBlockDevice(ctx.world.db, ctx.params.blockDeviceUuid)
        const undone = device
          ? await onHost(ctx, 'detach-volume', { volume: guestVolume(device, null) }, true)
          : done(null)
        return async (trx) => {
          await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind: 'attach-volume' })
          const outcome = typeof undone === 'function' ? await undone(trx) : undone
          return outcome.kind === 'parked' ? outcome : done(undefined)
        }
      },
    },
  )
  .step(
    'complete',
    { event: ATTACH },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        await complete(ctx, (await deviceOf(ctx)).attachmentId)
        return done(null)
      },
    },
  )

/** The volume is free again, and the instance forgets it. */
async function letGo(ctx: Ctx<OfDevice, object>): Promise<Outcome<void, Trx>> {
  await releaseOf(ctx)
  return async (trx) => {
    await removeBlockDevice(trx, ctx.params.blockDeviceUuid)
    return done(undefined)
  }
}

async function releaseOf({ world, params }: Ctx<OfDevice, object>): Promise<void> {
  const device = await findBlockDevice(world.db, params.blockDeviceUuid)
  if (device?.attachmentId) await world.volumes.release(device.attachmentId)
}

const DETACH = 'compute_detach_volume'

/** What the guest gave up it does not get back: a detach that fails afterwards is finished as far as it can be. */
const detachVolume = serverSaga<OfDevice>('detach-volume', {})
  .step(
    'detach',
    { event: DETACH },
    {
      deadlineMs: commandMs,
      do: async (ctx) => onHost(ctx, 'detach-volume', { volume: guestVolume(await deviceOf(ctx), null) }),
      undo: async (ctx) => {
        const device = await findBlockDevice(ctx.world.db, ctx.params.blockDeviceUuid)
        if (device?.volumeId) await ctx.world.volumes.rollDetaching(device.volumeId)
        return withdraw('detach-volume')(ctx)
      },
    },
  )
  .step(
    'release',
    { event: DETACH },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        await releaseOf(ctx)
        return async (trx) => {
          await removeBlockDevice(trx, ctx.params.blockDeviceUuid)
          return done(null)
        }
      },
      undo: async (ctx) => {
        const device = await findBlockDevice(ctx.world.db, ctx.params.blockDeviceUuid)
        const isThere = device?.attachmentId && (await ctx.world.volumes.findAttachment(device.attachmentId))
        return async (trx) => {
          if (!isThere) await removeBlockDevice(trx, ctx.params.blockDeviceUuid)
          return done(undefined)
        }
      },
    },
  )

const SWAP = 'compute_swap_volume'

const swapVolume = serverSaga<Swap>('swap-volume', {})
  .step('hold', {}, { do: remember, undo: settleSwap, deadlineMs: SHORT_MS })
  .step(
    'connect',
    { event: SWAP },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        const { deviceName } = await deviceOf(ctx)
        return done({ connection: await connect(ctx, ctx.params.attachmentId, deviceName) })
      },
    },
  )
  .step(
    'swap',
    { event: SWAP },
    {
      deadlineMs: commandMs,
      do: async (ctx) => {
        const device = await deviceOf(ctx)
        const to = guestVolume({ ...device, volumeId: ctx.params.volumeId }, ctx.outputs.connect.connection)
        return onHost(ctx, 'swap-volume', { from: guestVolume(device, null), to })
      },
      undo: withdraw('swap-volume'),
    },
  )
  .step(
    'complete',
    { event: SWAP },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        const { blockDeviceUuid, volumeId, attachmentId } = ctx.params
        await complete(ctx, attachmentId)
        return async (trx) => {
          const now = ctx.world.clock.now()
          await updateBlockDevice(trx, blockDeviceUuid, { volumeId, attachmentId }, { now })
          return done(null)
        }
      },
    },
  )
  .step(
    'release',
    { event: SWAP },
    {
      deadlineMs: SHORT_MS,
      retry,
      do: async (ctx) => {
        const { attachmentId } = ctx.outputs.hold
        if (attachmentId !== null) await ctx.world.volumes.release(attachmentId)
        return done(null)
      },
    },
  )

interface Held {
  readonly volumeId: string | null
  readonly attachmentId: string | null
}

async function remember(ctx: Ctx<Swap, object>): Promise<Outcome<Held, Trx>> {
  const { volumeId, attachmentId } = await deviceOf(ctx)
  return done({ volumeId, attachmentId })
}

/** Of the two volumes the one that the block device names stays, and the other is free. */
async function settleSwap(ctx: Ctx<Swap, object>, old: Held | undefined): Promise<Outcome<void, Trx>> {
  const { volumes, db } = ctx.world
  const device = await findBlockDevice(db, ctx.params.blockDeviceUuid)
  if (device?.attachmentId === ctx.params.attachmentId) {
    if (old?.attachmentId) await volumes.release(old.attachmentId)
    return done(undefined)
  }
  await volumes.release(ctx.params.attachmentId)
  const volumeId = old?.volumeId ?? device?.volumeId
  if (volumeId) await volumes.rollDetaching(volumeId)
  return done(undefined)
}

export const volumeSagas: readonly ServerSaga[] = [attachVolume, detachVolume, swapVolume]
