/** Making images of servers: an image that waits for its data is there when the answer is. */
import { beginOperation, getServer, targetOf } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import { checkItems, makerNotes } from '#api/servers/index.ts'
import { badRequest, isFault } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Image } from '#model/image/index.ts'
import { type Instance, requireAllowed } from '#model/instance/index.ts'
import type { createBackup, createImage } from './image.spec.ts'

type Flags = 'countsMetadata' | 'tellsImage'
type ImageCall = Call<Accepted<NonNullable<(typeof createImage)['spec']['body']>>, unknown, Flags>
type BackupCall = Call<Accepted<NonNullable<(typeof createBackup)['spec']['body']>>, unknown, Flags>
type Metadata = Readonly<Record<string, string>>

export async function snapshot(call: ImageCall, services: Services): Promise<Answer> {
  const { name, metadata = {} } = call.body.createImage
  const instance = await getServer(call, services, 'os_compute_api:servers:create_image')
  await checkMetadata(call, services, instance, metadata)
  const isVolumeBacked = instance.imageRef === ''
  if (isVolumeBacked)
    call.enforce('os_compute_api:servers:create_image:allow_volume_backed', targetOf(instance))
  requireAllowed(isVolumeBacked ? 'snapshot_volume_backed' : 'snapshot', instance, call)
  if (isVolumeBacked) throw badRequest('Snapshots of volume-backed servers are not supported.')
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
  if (instance.imageRef === '') throw badRequest('Backup is not supported for volume-backed instances.')
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

interface Wanted {
  readonly name: string
  readonly type: 'snapshot' | 'backup'
  readonly properties: Metadata
}

/** Properties that are of one image, not of what is made of it, whatever an operator says. */
const NEVER_INHERITED = new Set([
  'cinder_encryption_key_id',
  'cinder_encryption_key_deletion_policy',
  'img_signature',
  'img_signature_certificate_uuid',
  'img_signature_hash_method',
  'img_signature_key_type',
])
const isInherited = (key: string, except: readonly string[]): boolean =>
  !NEVER_INHERITED.has(key) && !key.startsWith('os_glance') && !except.includes(key)

const FACTS = new Set(['min_disk', 'min_ram', 'disk_format', 'container_format'])

/** An image in the caller's name that says what it will be an image of. */
export async function waitingImage(
  call: Pick<Call<unknown, unknown, never>, 'token' | 'context'>,
  { images, config }: Services,
  instance: Instance,
  { name, type, properties }: Wanted,
): Promise<Image> {
  const notes = Object.entries(instance.systemMetadata)
    .filter(([key]) => key.startsWith('image_'))
    .map(([key, value]) => [key.slice('image_'.length), value] as const)
    .filter(([key]) => isInherited(key, config.propertiesNotInherited))
  const facts = new Map(notes)
  // What a snapshot is made in shows with its data.
  const format = (fact: string) => (type === 'snapshot' ? null : (facts.get(fact) ?? null))
  const asked = {
    name: name.trim(),
    diskFormat: format('disk_format'),
    containerFormat: format('container_format'),
    minDiskGb: Math.max(Number(facts.get('min_disk') ?? 0), instance.flavor.rootGb),
    minRamMb: Number(facts.get('min_ram') ?? 0),
    properties: {
      ...Object.fromEntries(notes.filter(([key]) => !FACTS.has(key))),
      ...makerNotes(instance),
      base_image_ref: instance.imageRef,
      instance_uuid: instance.uuid,
      user_id: call.context.userId,
      image_type: type,
      ...properties,
    },
    // An admin's image of someone's server is that one's to use, too.
    ...(call.context.projectId !== instance.projectId && { sharedWith: instance.projectId }),
  }
  try {
    return await images.create(asked, { token: call.token })
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
