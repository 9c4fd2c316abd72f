/** Making images of servers: an image that waits for its data is there when the answer is. */
import { beginOperation, getServer, targetOf } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import { checkItems } from '#api/servers/index.ts'
import { badRequest, isFault } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Image } from '#model/image/index.ts'
import { type Instance, isVolumeBacked, requireAllowed } from '#model/instance/index.ts'
import type { createBackup, createImage } from './image.spec.ts'
import { newImageOf, type Wanted } from './new-image.ts'
import { imageOfVolumes } from './volume-images.ts'

type Flags = 'countsMetadata' | 'tellsImage'
type ImageCall = Call<Accepted<NonNullable<(typeof createImage)['spec']['body']>>, unknown, Flags>
type BackupCall = Call<Accepted<NonNullable<(typeof createBackup)['spec']['body']>>, unknown, Flags>
type Metadata = Readonly<Record<string, string>>

export async function snapshot(call: ImageCall, services: Services): Promise<Answer> {
  const { name, metadata = {} } = call.body.createImage
  const instance = await getServer(call, services, 'os_compute_api:servers:create_image')
  await checkMetadata(call, services, instance, metadata)
  const hasRootVolume = isVolumeBacked(instance)
  if (hasRootVolume)
    call.enforce('os_compute_api:servers:create_image:allow_volume_backed', targetOf(instance))
  requireAllowed(hasRootVolume ? 'snapshot_volume_backed' : 'snapshot', instance, call)
  if (hasRootVolume)
    return answerOf(
      call,
      services,
      await imageOfVolumes(call, services, instance, { name, properties: metadata }),
    )
  const image = await waitingImage(call, services, instance, { name, type: 'snapshot', properties: metadata })
  await orRemove(services, image, () =>
    beginOperation(call, services, {
      instance,
      operations: ['snapshot'],
      action: 'createImage',
      saga: 'snapshot-server',
      params: { imageId: image.id },
    }),
  )
  return answerOf(call, services, image)
}

export async function backup(call: BackupCall, services: Services): Promise<Answer> {
  const { name, backup_type: backupType, rotation: sent, metadata = {} } = call.body.createBackup
  const rotation = Number(sent)
  const instance = await getServer(call, services, 'os_compute_api:os-create-backup')
  await checkMetadata(call, services, instance, metadata)
  requireAllowed('backup', instance, call)
  if (isVolumeBacked(instance)) throw badRequest('Backup is not supported for volume-backed instances.')
  const properties = { ...metadata, backup_type: backupType }
  const image = await waitingImage(call, services, instance, { name, type: 'backup', properties })
  await orRemove(services, image, () =>
    beginOperation(call, services, {
      instance,
      operations: ['backup'],
      action: 'createBackup',
      saga: 'backup-server',
      params: { imageId: image.id, backupType, rotation },
    }),
  )
  return rotation > 0 || call.on.tellsImage ? answerOf(call, services, image) : {}
}

async function checkMetadata(
  call: { readonly on: { readonly countsMetadata: boolean } },
  services: Services,
  { projectId }: Instance,
  metadata: Metadata,
): Promise<void> {
  if (call.on.countsMetadata) checkItems(await quotaOf(services, { projectId }), metadata, [])
}

/** An image in the caller's name that waits for its data. */
export async function waitingImage(
  call: Pick<Call<unknown, unknown, never>, 'token' | 'context'>,
  services: Services,
  instance: Instance,
  wanted: Wanted,
): Promise<Image> {
  try {
    const asked = newImageOf(call, services, instance, wanted)
    return await services.images.create(asked, { token: call.token })
  } catch (error) {
    // What Glance calls a conflict is a wrong property.
    if (isFault(error, 'conflict', 'badRequest')) throw badRequest(error.message, { cause: error })
    throw error
  }
}

/** An image of a server that may not be asked that now is of no use. */
export async function orRemove<T>({ images }: Services, image: Image, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    await images.remove(image.id)
    throw error
  }
}

/** Where the image is: in the body, or as before 2.45 in a header. */
function answerOf(
  call: { readonly on: { readonly tellsImage: boolean }; readonly links: ImageCall['links'] },
  { config }: Services,
  { id }: Image,
): Answer {
  if (call.on.tellsImage) return { body: { image_id: id } }
  const base = config.glanceLinkPrefix ?? call.links.bookmarkBase
  return { headers: { location: `${base}/images/${id}` } }
}
