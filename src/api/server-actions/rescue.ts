/** Rescue: the server runs from another image, its own disks beside it. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { injectedOf, makePassword } from '#api/servers/index.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Image } from '#model/image/index.ts'
import { type Instance, requireAllowed, isVolumeBacked } from '#model/instance/index.ts'
import type { rescue as rescueSpec } from './guest.spec.ts'

type Body = Accepted<NonNullable<(typeof rescueSpec)['spec']['body']>>
type RescueCall = Call<Body, unknown, 'volumeBackedToo'>

export async function rescue(call: RescueCall, services: Services): Promise<Answer> {
  const sent = call.body.rescue
  const instance = await getServer(call, services, 'os_compute_api:os-rescue')
  requireAllowed('rescue', instance, call)
  const image = await rescueImage(call, services, sent?.rescue_image_ref)
  if (isVolumeBacked(instance)) await requireRescuable(call, services, instance, image)
  const adminPass = sent?.adminPass ?? makePassword(services.ids, services.config.passwordLength)
  await beginOperation(call, services, {
    instance,
    operations: ['rescue'],
    action: 'rescue',
    saga: 'rescue-server',
    params: { image, injected: injectedOf(adminPass) },
  })
  return { body: services.config.enableInstancePassword ? { adminPass } : {} }
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

/** A server that boots from a volume: its rescue image has to say how, and its host be able to. */
async function requireRescuable(
  call: RescueCall,
  { db, placement }: Services,
  { uuid, host }: Instance,
  image: Image | null,
): Promise<void> {
  const refuse = (reason: string) => badRequest(`Instance ${uuid} cannot be rescued: ${reason}`)
  const isAsked =
    call.on.volumeBackedToo &&
    image?.properties['hw_rescue_bus'] !== undefined &&
    image.properties['hw_rescue_device'] !== undefined
  if (!isAsked) throw refuse('Cannot rescue a volume-backed instance')
  const nodes = host === null ? [] : await listComputeNodes(db.typed<NovaDb>(), { host })
  const traits = await Promise.all(nodes.map((node) => placement.traitsOf(node.uuid)))
  if (!traits.flat().includes('COMPUTE_RESCUE_BFV'))
    throw refuse('Host unable to rescue a volume-backed instance')
}
