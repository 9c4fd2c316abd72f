/**
 * The volumes of a server that is being built: those that are to be made are made, in the name of who asked; each is
 * attached to the host that was chosen, and in use before the guest starts. Undone, none is attached any more.
 */
import { listBlockDevices, updateBlockDevice } from '#db/block-devices.ts'
import type { OperationParams } from '#contracts/operations.ts'
import { getInstance } from '#db/instances.ts'
import { isFault } from '#lib/fault.ts'
import { done, type Outcome, parked, type Step } from '#lib/saga/index.ts'
import { type BlockDevice, freeDeviceName } from '#model/instance/index.ts'
import type { Connection, Volume } from '#neighbours/volumes/port.ts'
import { isPassing } from '../passing.ts'
import type { ConductorTypes, Ctx, Trx } from '../world.ts'
import { connectorOf } from './connector.ts'

type Params = OperationParams<'build-server-with-volumes'>

/** A volume as the compute is told of it. */
export interface BootVolume {
  readonly volumeId: string
  readonly deviceName: string | null
  readonly tag: string | null
  readonly connection: Connection | null
  /** 0: the guest boots from it. */
  readonly bootIndex: number | null
}

/** In Nova's words. */
export class VolumeNotCreated extends Error {
  override readonly name = 'VolumeNotCreated'

  constructor(volumeId: string, waitedMs: number, status: string) {
    const seconds = Math.round(waitedMs / 1000)
    super(
      `Volume ${volumeId} did not finish being created even after we waited ${seconds} seconds. And its status is ${status}.`,
    )
  }
}

/** How often a volume that is being made is looked at. */
const LOOK_MS = 1_000
/** Beyond the wait for volumes: to attach them. */
const ATTACH_MS = 120_000

interface Placed {
  readonly schedule: { readonly host: { readonly host: string; readonly availabilityZone: string } }
}

export const attachVolumes: Step<Params, Placed, readonly BootVolume[], ConductorTypes> = {
  do: attachAll,
  deadlineMs: (world) => world.config.volumeWaitMs + ATTACH_MS,
  retry: { times: 2, delayMs: 500, when: isPassing },
}

const devicesOf = async ({ world, subject }: Ctx<unknown, object>): Promise<readonly BlockDevice[]> =>
  (await listBlockDevices(world.db, [subject])).get(subject) ?? []

async function attachAll(ctx: Ctx<Params, Placed>): Promise<Outcome<readonly BootVolume[], Trx>> {
  const { world } = ctx
  const made = await makeMissing(ctx, named(await devicesOf(ctx), await getInstance(world.db, ctx.subject)))
  if (await areBeingMade(ctx, made)) return remembering(ctx, made, () => parked(LOOK_MS))
  const { host } = ctx.outputs.schedule.host
  const connector = await connectorOf(world, host)
  const attached: BlockDevice[] = []
  const told: BootVolume[] = []
  for (const device of made) {
    const { volumeId, deviceName, tag, bootIndex } = device
    if (volumeId === null) {
      attached.push(device)
      continue
    }
    const attachmentId = await reservationOf(ctx, volumeId, device.attachmentId)
    const { connection } = await world.volumes.connect(attachmentId, connector, deviceName)
    await world.volumes.complete(attachmentId)
    attached.push({ ...device, attachmentId })
    told.push({ volumeId, deviceName, tag, connection, bootIndex })
  }
  return remembering(ctx, attached, () => done(told))
}

/** Writes down what the devices have become. */
const remembering =
  <Out>({ world }: Ctx<Params, object>, devices: readonly BlockDevice[], outcome: () => Out) =>
  async (trx: Trx): Promise<Out> => {
    const now = world.clock.now()
    for (const { uuid, volumeId, attachmentId, deviceName } of devices)
      await updateBlockDevice(trx, uuid, { volumeId, attachmentId, deviceName }, { now })
    return outcome()
  }

/** Names for disks that have none: the flavor's own first, as the guest finds them. */
function named(
  devices: readonly BlockDevice[],
  { rootDeviceName }: { readonly rootDeviceName: string | null },
): BlockDevice[] {
  const taken = devices.flatMap(({ deviceName }) => deviceName ?? [])
  const names = new Map<string, string>()
  const local = ({ destinationType }: BlockDevice) => destinationType === 'local'
  for (const { uuid, deviceName } of [...devices.filter(local), ...devices.filter((one) => !local(one))]) {
    const name = deviceName ?? freeDeviceName(rootDeviceName, taken)
    taken.push(name)
    names.set(uuid, name)
  }
  return devices.map((device) => ({ ...device, deviceName: names.get(device.uuid) ?? null }))
}

/** Marks the volume that is made for a block device, so that it is found again when nobody lived to write it down. */
const MARK = 'block_device'

async function makeMissing(
  ctx: Ctx<Params, Placed>,
  devices: readonly BlockDevice[],
): Promise<BlockDevice[]> {
  const made: BlockDevice[] = []
  for (const device of devices) {
    const isMissing = device.destinationType === 'volume' && device.volumeId === null
    made.push(isMissing ? { ...device, volumeId: (await makeVolume(ctx, device)).id } : device)
  }
  return made
}

async function makeVolume(
  { world, params, outputs }: Ctx<Params, Placed>,
  device: BlockDevice,
): Promise<Volume> {
  const { uuid, instanceUuid, sourceType, imageId, snapshotId, volumeSizeGb, volumeType } = device
  const caller = { token: params.token ?? '', projectId: params.spec.projectId }
  const mark = { [MARK]: uuid }
  const [earlier] = await world.volumes.listMarked(mark, caller)
  if (earlier) return earlier
  return world.volumes.create(
    {
      name: sourceType === 'blank' ? `${instanceUuid}-blank-vol` : '',
      metadata: mark,
      imageId,
      snapshotId,
      volumeType,
      ...(volumeSizeGb !== null && { sizeGb: volumeSizeGb }),
      ...(world.config.volumesInZone && { availabilityZone: outputs.schedule.host.availabilityZone }),
    },
    caller,
  )
}

/** Whether one of them is not ready yet. Throws `VolumeNotCreated` when one never will be, or not in time. */
async function areBeingMade(
  { world, beganAt }: Ctx<Params, object>,
  devices: readonly BlockDevice[],
): Promise<boolean> {
  let isWaiting = false
  for (const { volumeId, attachmentId } of devices) {
    if (volumeId === null || attachmentId !== null) continue
    const status = (await world.volumes.findAsService(volumeId))?.status ?? 'deleted'
    if (status !== 'creating' && status !== 'downloading' && !/^(error|delet)/.test(status)) continue
    const waited = world.clock.now() - beganAt
    if (/^(error|delet)/.test(status) || waited >= world.config.volumeWaitMs)
      throw new VolumeNotCreated(volumeId, waited, status)
    isWaiting = true
  }
  return isWaiting
}

/** Its attachment: known, made by a run that did not live to say so, or made now. */
async function reservationOf(
  ctx: Ctx<Params, object>,
  volumeId: string,
  known: string | null,
): Promise<string> {
  const { volumes } = ctx.world
  if (known !== null && (await volumes.findAttachment(known))) return known
  const [earlier] = await ownAttachments(ctx, volumeId)
  return (earlier ?? (await volumes.reserve(volumeId, ctx.subject))).id
}

const ownAttachments = async ({ world, subject }: Ctx<unknown, object>, volumeId: string) =>
  (await world.volumes.listAttachments(volumeId)).filter(({ instanceUuid }) => instanceUuid === subject)

/**
 * None is attached any more, or reserved. Those that were made are kept: another attempt takes them, and they end with
 * their server.
 */
export async function releaseVolumes(ctx: Ctx<Params, object>): Promise<(trx: Trx) => Promise<unknown>> {
  const { volumes } = ctx.world
  const released: BlockDevice[] = []
  for (const device of await devicesOf(ctx)) {
    const volumeId = device.volumeId ?? (await strayVolume(ctx, device))
    if (volumeId !== null) for (const { id } of await ownAttachments(ctx, volumeId)) await volumes.release(id)
    released.push({ ...device, volumeId, attachmentId: null })
  }
  return remembering(ctx, released, () => undefined)
}

/** What a run made that did not live to write it down. A token that has ended finds none: then it stays its owner's. */
async function strayVolume(
  { world, params }: Ctx<Params, object>,
  { uuid, destinationType }: BlockDevice,
): Promise<string | null> {
  if (destinationType !== 'volume' || params.token === undefined) return null
  const caller = { token: params.token, projectId: params.spec.projectId }
  try {
    const [stray] = await world.volumes.listMarked({ [MARK]: uuid }, caller)
    return stray?.id ?? null
  } catch (error) {
    if (isFault(error, 'unauthorized')) return null
    throw error
  }
}
