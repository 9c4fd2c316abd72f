/**
 * Volumes move along with their server: Cinder hears of the new host by a new attachment, and the old one ends. The
 * block device names the attachment that counts; any other of the same volume and server is left over from a move, and
 * a new one is reserved before an old one ends, so that nobody else gets the volume in between.
 */
import { listBlockDevicesOf, updateBlockDevice } from '#db/block-devices.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import type { BlockDevice } from '#model/instance/index.ts'
import type { Attachment, Connector } from '#neighbours/volumes/port.ts'
import type { Ctx, Trx } from '../world.ts'
import type { BootVolume } from './boot-volumes.ts'
import { connectorOf } from './connector.ts'

/** A volume as the new host is told of it, and its attachment there. */
export interface MovedVolume extends BootVolume {
  readonly blockDeviceUuid: string
  readonly attachmentId: string
}

type Moving = Ctx<unknown, object>
type VolumeDevice = BlockDevice & { readonly volumeId: string }

/** What a build on the new host is told beside. */
export const volumeArgs = (volumes: readonly MovedVolume[]): Readonly<Record<string, unknown>> =>
  volumes.length === 0
    ? {}
    : {
        volumes: volumes.map(({ volumeId, deviceName, tag, connection, bootIndex }) => ({
          volumeId,
          deviceName,
          tag,
          connection,
          bootIndex,
        })),
      }

/** Hosts by name; null: no host, the volumes are only kept for the server. */
interface Way {
  readonly to: string | null
  /** Where they are attached when the move fails. */
  readonly home: string | null
}

/** Attaches the volumes on a host that uses them instead of the one before: no host runs the guest meanwhile. */
export async function moveVolumes(
  ctx: Moving,
  { to, home }: Way,
): Promise<Outcome<readonly MovedVolume[], Trx>> {
  const connector = to === null ? null : await connectorOf(ctx.world, to)
  const moved: MovedVolume[] = []
  for (const device of await volumesOf(ctx)) {
    const named = home === null ? await namedOf(ctx, device) : undefined
    const known = named?.status === 'reserved' ? named : undefined
    moved.push(await attachAnew(ctx, device, connector, known))
  }
  return async (trx) => {
    await nameAttachments(trx, ctx, moved)
    return done(moved)
  }
}

/** Attaches the volumes on a second host while the first still uses them. `nameAttachments` says when that counts. */
export async function attachBeside(ctx: Moving, host: string): Promise<Outcome<readonly MovedVolume[], Trx>> {
  const connector = await connectorOf(ctx.world, host)
  const moved: MovedVolume[] = []
  for (const device of await volumesOf(ctx)) {
    const { id } = await ctx.world.volumes.reserve(device.volumeId, ctx.subject)
    await releaseOthers(ctx, device.volumeId, [id, device.attachmentId])
    moved.push(await connect(ctx, device, id, connector))
  }
  return done(moved)
}

/** From here on these attachments count. */
export async function nameAttachments(
  trx: Trx,
  { world }: Moving,
  volumes: readonly MovedVolume[],
): Promise<void> {
  const now = world.clock.now()
  for (const { blockDeviceUuid, attachmentId } of volumes)
    await updateBlockDevice(trx, blockDeviceUuid, { attachmentId }, { now })
}

/** Ends each attachment but those that count. */
export async function keepNamed(ctx: Moving): Promise<void> {
  for (const { volumeId, attachmentId } of await volumesOf(ctx))
    if (attachmentId !== null) await releaseOthers(ctx, volumeId, [attachmentId])
}

/**
 * Undoes `moveVolumes`. `own`: what the step answered, undefined when it did not live to: then an attachment may be as it
 * was, which is left alone.
 */
export async function moveVolumesBack(
  ctx: Moving,
  { home }: Pick<Way, 'home'>,
  own: readonly MovedVolume[] | undefined,
): Promise<Outcome<void, Trx>> {
  const connector = home === null ? null : await connectorOf(ctx.world, home)
  const moved: MovedVolume[] = []
  for (const device of await volumesOf(ctx)) {
    const named = own === undefined ? await namedOf(ctx, device) : undefined
    const isAsItWas = named !== undefined && (home !== null || named.status === 'reserved')
    if (isAsItWas) await releaseOthers(ctx, device.volumeId, [named.id])
    else moved.push(await attachAnew(ctx, device, connector))
  }
  return async (trx) => {
    await nameAttachments(trx, ctx, moved)
    return done(undefined)
  }
}

const volumesOf = async ({ world, subject }: Moving): Promise<readonly VolumeDevice[]> =>
  (await listBlockDevicesOf(world.db, subject)).flatMap((device) =>
    device.volumeId === null ? [] : [{ ...device, volumeId: device.volumeId }],
  )

const namedOf = async ({ world }: Moving, { attachmentId }: BlockDevice): Promise<Attachment | undefined> =>
  attachmentId === null ? undefined : world.volumes.findAttachment(attachmentId)

/** `known`: one that was told no host yet, which will do; any other would name two. */
async function attachAnew(
  ctx: Moving,
  device: VolumeDevice,
  connector: Connector | null,
  known?: Attachment,
): Promise<MovedVolume> {
  const { id } = known ?? (await ctx.world.volumes.reserve(device.volumeId, ctx.subject))
  await releaseOthers(ctx, device.volumeId, [id])
  return connector === null ? movedOf(device, id, null) : connect(ctx, device, id, connector)
}

async function connect(
  { world }: Moving,
  device: VolumeDevice,
  id: string,
  connector: Connector,
): Promise<MovedVolume> {
  const { connection } = await world.volumes.connect(id, connector, device.deviceName)
  await world.volumes.complete(id)
  return movedOf(device, id, connection)
}

const movedOf = (
  { uuid, volumeId, deviceName, tag, bootIndex }: VolumeDevice,
  attachmentId: string,
  connection: MovedVolume['connection'],
): MovedVolume => ({ blockDeviceUuid: uuid, attachmentId, volumeId, deviceName, tag, connection, bootIndex })

async function releaseOthers(
  { world, subject }: Moving,
  volumeId: string,
  keep: readonly (string | null)[],
): Promise<void> {
  for (const { id, instanceUuid } of await world.volumes.listAttachments(volumeId))
    if (instanceUuid === subject && !keep.includes(id)) await world.volumes.release(id)
}
