/** Rescue: the server runs from another image, its own disks beside it. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { makePassword } from '#api/servers/index.ts'
import { badRequest } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Image } from '#model/image/index.ts'
import { requireAllowed, isVolumeBacked } from '#model/instance/index.ts'
import type { rescue as rescueSpec } from './guest.spec.ts'

type Body = Accepted<NonNullable<(typeof rescueSpec)['spec']['body']>>
type RescueCall = Call<Body, unknown, 'volumeBackedToo'>

export async function rescue(call: RescueCall, services: Services): Promise<Answer> {
  const sent = call.body.rescue
  const instance = await getServer(call, services, 'os_compute_api:os-rescue')
  requireAllowed('rescue', instance, call)
  const image = await rescueImage(call, services, sent?.rescue_image_ref)
  if (isVolumeBacked(instance)) throw notRescuable(call, instance.uuid, image)
  await beginOperation(call, services, {
    instance,
    operations: ['rescue'],
    action: 'rescue',
    saga: 'rescue-server',
    params: { image },
  })
  if (!services.config.enableInstancePassword) return { body: {} }
  return {
    body: { adminPass: sent?.adminPass ?? makePassword(services.ids, services.config.passwordLength) },
  }
}

/** Null: the server's own. */
async function rescueImage(
  call: RescueCall,
  { images }: Services,
  imageId: string | undefined,
): Promise<Image | null> {
  if (imageId === undefined) return null
  const image = await images.find(imageId, { token: call.token })
  if (!image || image.properties['img_block_device_mapping'] !== undefined)
    throw badRequest(`Requested rescue image '${imageId}' is not supported`)
  return image
}

/** A server that boots from a volume: its image would have to say how, and its host be able to. */
function notRescuable(call: RescueCall, uuid: string, image: Image | null) {
  const asked =
    call.on.volumeBackedToo &&
    image?.properties['hw_rescue_bus'] !== undefined &&
    image.properties['hw_rescue_device'] !== undefined
  const reason = asked
    ? 'Host unable to rescue a volume-backed instance'
    : 'Cannot rescue a volume-backed instance'
  return badRequest(`Instance ${uuid} cannot be rescued: ${reason}`)
}
