/** A volume is attached: reserved at Cinder, given its block device, and the rest is the conductor's. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { insertBlockDevices, listBlockDevicesOfVolume, type NewBlockDevice } from '#db/block-devices.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, type Fault, isFault, notFound } from '#lib/fault.ts'
import { isTrue } from '#lib/versioned/index.ts'
import { type Instance, refusalFault, requireAllowed } from '#model/instance/index.ts'
import type { Attachment, Caller, Volume } from '#neighbours/volumes/port.ts'
import { attachedView } from './attachment.view.ts'
import { deviceNameFor, volumesOf } from './devices.ts'

interface Wish {
  readonly volumeId: string
  readonly device?: string | null | undefined
  readonly tag?: string | undefined
  readonly delete_on_termination?: boolean | string | undefined
}

type AttachCall = Call<
  { readonly volumeAttachment: Wish },
  unknown,
  'refusesShelved' | 'refusesMultiattach' | 'saysNothing'
>

export const callerOf = ({ token, context }: Pick<AttachCall, 'token' | 'context'>): Caller => ({
  token,
  projectId: context.projectId ?? '',
})

export const noVolume = (id: string): Fault => notFound(`Volume ${id} could not be found.`)
export const invalidVolume = (why: string): Fault => badRequest(`Invalid volume: ${why}`)

/** Throws Nova's 409 for a shelved server, of which older clients know nothing. */
export function refuseShelved(
  operation: 'attach_volume' | 'detach_volume',
  { uuid, vmState }: Instance,
): void {
  if (vmState === 'shelved' || vmState === 'shelved_offloaded')
    throw refusalFault(operation, uuid, { because: 'vm_state', state: vmState })
}

export async function attach(call: AttachCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-volumes-attachments:create')
  if (call.on.refusesShelved) refuseShelved('attach_volume', instance)
  requireAllowed('attach_volume', instance, call)
  const wish = call.body.volumeAttachment
  const volume = await services.volumes.find(wish.volumeId, callerOf(call))
  if (!volume) throw noVolume(wish.volumeId)
  await requireFree(call, services, instance, volume)
  requireZone(services, instance, volume)
  const attachment = await reserve(services, volume.id, instance.uuid)
  try {
    const device = await begin(call, services, instance, { wish, volume, attachment })
    return call.on.saysNothing ? {} : { body: { volumeAttachment: call.render(attachedView)(device, null) } }
  } catch (error) {
    await services.volumes.release(attachment.id)
    throw error
  }
}

async function requireFree(
  call: AttachCall,
  services: Services,
  { vmState }: Instance,
  volume: Volume,
): Promise<void> {
  const { tag } = call.body.volumeAttachment
  if (vmState === 'shelved_offloaded' && tag !== undefined)
    throw badRequest('Tagged volume attach is not supported for shelved-offloaded instances.')
  if (volume.multiattach && call.on.refusesMultiattach)
    throw badRequest('Multiattach volumes are only supported starting with compute API version 2.60.')
  if (volume.multiattach && vmState === 'shelved_offloaded')
    throw badRequest('Attaching multiattach volumes is not supported for shelved-offloaded instances.')
  if (volume.multiattach) return
  const others = await listBlockDevicesOfVolume(services.db.typed<NovaDb>(), volume.id)
  if (others.length > 0) throw alreadyAttached(volume.id, others)
}

/** Where volumes stay in their zone (`[cinder] cross_az_attach`), the server must be in the same one. */
function requireZone({ config }: Services, instance: Instance, volume: Volume): void {
  const { uuid, availabilityZone: zone } = instance
  if (config.attachesAcrossZones || zone === volume.availabilityZone) return
  throw invalidVolume(
    `Instance ${uuid} and volume ${volume.id} are not in the same availability_zone. Instance is in ${zone}. Volume is in ${volume.availabilityZone}`,
  )
}

const alreadyAttached = (id: string, others: readonly { readonly instanceUuid: string }[]): Fault =>
  invalidVolume(
    `volume ${id} is already attached to instances: ${others.map((other) => other.instanceUuid).join(', ')}`,
  )

/** Cinder's refusals are the caller's mistakes. */
export async function reserve(
  services: Services,
  volumeId: string,
  instanceUuid: string,
): Promise<Attachment> {
  try {
    return await services.volumes.reserve(volumeId, instanceUuid)
  } catch (error) {
    if (isFault(error, 'badRequest', 'conflict'))
      throw badRequest(`Invalid input received: ${error.message}`, { cause: error })
    throw error
  }
}

async function begin(
  call: AttachCall,
  services: Services,
  instance: Instance,
  { wish, volume, attachment }: { wish: Wish; volume: Volume; attachment: Attachment },
): Promise<NewBlockDevice> {
  const device: NewBlockDevice = {
    uuid: services.ids.uuid(),
    instanceUuid: instance.uuid,
    sourceType: 'volume',
    destinationType: 'volume',
    imageId: null,
    volumeId: volume.id,
    snapshotId: null,
    deviceName: null,
    bootIndex: null,
    volumeSizeGb: volume.sizeGb,
    guestFormat: null,
    diskBus: null,
    deviceType: null,
    deleteOnTermination: isTrue(wish.delete_on_termination),
    attachmentId: attachment.id,
    tag: wish.tag ?? null,
    volumeType: null,
  }
  let named = device
  await beginOperation(call, services, {
    instance,
    operations: ['attach_volume'],
    action: 'attach_volume',
    saga: 'attach-volume',
    params: { blockDeviceUuid: device.uuid },
    async also(trx, current, now) {
      const own = await volumesOf(trx, current.uuid)
      const same = own.filter(({ volumeId }) => volumeId === volume.id)
      if (same.length > 0) throw alreadyAttached(volume.id, same)
      named = { ...device, deviceName: deviceNameFor(current, own, wish.device) }
      await insertBlockDevices(trx, [named], { now })
    },
  })
  return named
}
