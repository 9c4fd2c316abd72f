/** A server's volume is swapped for another, or says whether it ends with its server; and it is detached. */
import { beginOperation, getServer, targetOf, visibleInstance } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { updateBlockDevice } from '#db/block-devices.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, type Fault, forbidden, isFault, notFound } from '#lib/fault.ts'
import { isTrue } from '#lib/versioned/index.ts'
import { type BlockDevice, type Instance, requireAllowed } from '#model/instance/index.ts'
import type { Volume } from '#neighbours/volumes/port.ts'
import { callerOf, invalidVolume, noVolume, refuseShelved, reserve } from './attach.ts'
import { volumesOf } from './devices.ts'

interface Change {
  readonly volumeId: string
  readonly id?: string | undefined
  readonly serverId?: string | undefined
  readonly device?: string | null | undefined
  readonly tag?: string | undefined
  readonly delete_on_termination?: boolean | string | undefined
}

type ChangeCall = Call<{ readonly volumeAttachment: Change }, unknown, 'onlySwaps'>

const RULE = 'os_compute_api:os-volumes-attachments'
const noDevice = (id: string): Fault => notFound(`No volume Block Device Mapping with id ${id}.`)

async function deviceOf(
  services: Services,
  instance: Instance,
  id: string,
): Promise<BlockDevice | undefined> {
  const devices = await volumesOf(services.db.typed<NovaDb>(), instance.uuid)
  return devices.find(({ volumeId }) => volumeId === id)
}

export async function change(call: ChangeCall, services: Services): Promise<Answer> {
  const id = call.params['id'] ?? ''
  const wish = call.body.volumeAttachment
  const swaps = call.on.onlySwaps || wish.volumeId !== id
  // Whose server it is does not matter: swapping is for who moves volumes for all.
  if (swaps) call.enforce(`${RULE}:swap`, {})
  const instance = await visibleInstance(services, call, call.params['server_id'] ?? '')
  if (!swaps) call.enforce(`${RULE}:update`, targetOf(instance))
  if (!call.on.onlySwaps) await changeDevice(services, instance, id, wish)
  if (swaps) await swap(call, services, instance, id)
  return {}
}

async function changeDevice(services: Services, instance: Instance, id: string, wish: Change): Promise<void> {
  const device = await deviceOf(services, instance, id)
  if (!device) throw noDevice(id)
  const fixed = {
    id: device.volumeId,
    serverId: instance.uuid,
    device: device.deviceName,
    tag: device.tag,
  } as const
  for (const [name, value] of Object.entries(fixed) as [keyof typeof fixed, string | null][])
    if (wish[name] !== undefined && wish[name] !== value)
      throw badRequest(`The ${name} property is not mutable`)
  if (wish.delete_on_termination === undefined) return
  await updateBlockDevice(
    services.db.typed<NovaDb>(),
    device.uuid,
    { deleteOnTermination: isTrue(wish.delete_on_termination) },
    { now: services.clock.now() },
  )
}

async function swap(call: ChangeCall, services: Services, instance: Instance, id: string): Promise<void> {
  const { volumes } = services
  const old = await volumes.find(id, callerOf(call))
  if (!old) throw noVolume(id)
  const { volumeId } = call.body.volumeAttachment
  const next = await volumes.find(volumeId, callerOf(call))
  if (!next) throw badRequest(`Volume ${volumeId} could not be found.`)
  requireAllowed('swap_volume', instance, call)
  requireSwappable(old, next, instance)
  const device = await deviceOf(services, instance, id)
  if (!device) throw noDevice(id)
  await beginDetaching(call, services, id)
  let attachmentId: string | undefined
  try {
    attachmentId = (await reserve(services, volumeId, instance.uuid)).id
    await beginOperation(call, services, {
      instance,
      operations: ['swap_volume'],
      action: 'swap_volume',
      saga: 'swap-volume',
      params: { blockDeviceUuid: device.uuid, volumeId, attachmentId },
    })
  } catch (error) {
    if (attachmentId !== undefined) await volumes.release(attachmentId)
    await volumes.rollDetaching(id)
    throw error
  }
}

function requireSwappable(old: Volume, next: Volume, { uuid }: Instance): void {
  if (!old.attachments.some(({ serverId }) => serverId === uuid))
    throw invalidVolume('Old volume is attached to a different instance.')
  if (next.status === 'in-use') throw invalidVolume('New volume must be detached in order to swap.')
  if (next.sizeGb < old.sizeGb) throw invalidVolume('New volume must be the same size or larger.')
}

async function beginDetaching(call: Pick<ChangeCall, 'token' | 'context'>, services: Services, id: string) {
  try {
    await services.volumes.beginDetaching(id, callerOf(call))
  } catch (error) {
    if (isFault(error, 'badRequest', 'conflict'))
      throw badRequest(`Invalid input received: ${error.message}`, { cause: error })
    throw error
  }
}

type DetachCall = Call<unknown, unknown, 'refusesShelved'>

export async function detach(call: DetachCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:delete`)
  if (call.on.refusesShelved) refuseShelved('detach_volume', instance)
  const id = call.params['id'] ?? ''
  const volume = await services.volumes.find(id, callerOf(call))
  if (!volume) throw noVolume(id)
  const device = await deviceOf(services, instance, id)
  if (!device) throw notFound(`Instance ${instance.uuid} is not attached to volume ${id}`)
  if (device.bootIndex === 0) throw forbidden('Cannot detach a root device volume')
  requireAllowed('detach_volume', instance, call)
  await beginDetaching(call, services, id)
  try {
    await beginOperation(call, services, {
      instance,
      operations: ['detach_volume'],
      action: 'detach_volume',
      saga: 'detach-volume',
      params: { blockDeviceUuid: device.uuid },
    })
  } catch (error) {
    await services.volumes.rollDetaching(id)
    throw error
  }
  return {}
}
