/** Rebuild: the server begins again from an image, where it is and with its addresses. */
import { beginOperation, getServer, targetOf } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import {
  changedServer,
  checkImage,
  checkItems,
  injectedOf,
  makePassword,
  notesOf,
  renderServer,
} from '#api/servers/index.ts'
import { findKeyPair } from '#db/keypairs.ts'
import type { InstanceChanges } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { canonicalIp } from '#lib/ip.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Image } from '#model/image/index.ts'
import { type Instance, requireAllowed, isVolumeBacked } from '#model/instance/index.ts'
import type { rebuild as rebuildSpec } from './image.spec.ts'

type Sent = Accepted<NonNullable<(typeof rebuildSpec)['spec']['body']>>['rebuild']
type RebuildCall = Call<{ readonly rebuild: Sent }, unknown, 'showsKey' | 'showsUserData'>

export async function rebuild(call: RebuildCall, services: Services): Promise<Answer> {
  const sent = call.body.rebuild
  const instance = await getServer(call, services, 'os_compute_api:servers:rebuild')
  if (sent.trusted_image_certificates !== undefined)
    call.enforce('os_compute_api:servers:rebuild:trusted_certs', targetOf(instance))
  requireAllowed('rebuild', instance, call)
  const changes = await changesOf(call, services, sent)
  const image = await imageOf(call, services, instance)
  const { projectId } = instance
  checkItems(await quotaOf(services, { projectId }), sent.metadata ?? {}, sent.personality ?? [])
  const adminPass = sent.adminPass ?? makePassword(services.ids, services.config.passwordLength)
  const injected = injectedOf(adminPass, sent.personality)
  const hasRootVolume = isVolumeBacked(instance)
  const begun = await beginOperation(call, services, {
    instance,
    operations: ['rebuild'],
    action: 'rebuild',
    saga: 'rebuild-server',
    params: {
      image: hasRootVolume ? null : image,
      stopAfter: instance.vmState === 'stopped',
      injected,
    },
    change: (current) => ({
      ...changes,
      ...(!hasRootVolume && { imageRef: image.id }),
      kernelId: image.properties['kernel_id'] ?? '',
      ramdiskId: image.properties['ramdisk_id'] ?? '',
      progress: 0,
      systemMetadata: notesWith(current, image),
    }),
  })
  return answerOf(call, services, begun ?? instance, adminPass)
}

/** What is sent is changed, and what is not stays. */
async function changesOf(call: RebuildCall, services: Services, sent: Sent): Promise<InstanceChanges> {
  const diskConfig = sent['OS-DCF:diskConfig']
  return {
    ...(sent.name !== undefined && { displayName: sent.name.trim() }),
    ...(sent.description !== undefined && { displayDescription: sent.description }),
    ...(sent.metadata !== undefined && { metadata: sent.metadata }),
    ...(diskConfig !== undefined && { autoDiskConfig: diskConfig === 'AUTO' }),
    ...(sent.accessIPv4 !== undefined && { accessIpV4: sent.accessIPv4 }),
    ...(sent.accessIPv6 !== undefined && { accessIpV6: canonicalIp(sent.accessIPv6) }),
    ...(sent.user_data !== undefined && { userData: sent.user_data }),
    ...(sent.hostname !== undefined && { hostname: sent.hostname }),
    ...(sent.trusted_image_certificates !== undefined && { trustedCerts: sent.trusted_image_certificates }),
    ...(sent.key_name !== undefined && (await keyOf(call, services, sent.key_name))),
  }
}

/** Null takes the key away. Keys are the caller's, whoever made the server. */
async function keyOf(
  { context }: RebuildCall,
  { db }: Services,
  name: string | null,
): Promise<InstanceChanges> {
  if (name === null) return { keyName: null, keyData: null }
  const key = await findKeyPair(db.typed<NovaDb>(), context.userId, name)
  if (!key) throw badRequest('Invalid key_name provided.')
  return { keyName: key.name, keyData: key.publicKey }
}

async function imageOf(call: RebuildCall, { images }: Services, instance: Instance): Promise<Image> {
  const image = await images.find(call.body.rebuild.imageRef, { token: call.token })
  if (!image) throw badRequest('Cannot find image for rebuild')
  const mayZeroDisk = () =>
    isVolumeBacked(instance) || call.may('os_compute_api:servers:create:zero_disk_flavor', targetOf(instance))
  checkImage(image, instance.flavor, mayZeroDisk)
  return image
}

/** The notes of the image that was give way to those of the one that is to be. */
function notesWith({ systemMetadata }: Instance, image: Image): Record<string, string> {
  const kept = Object.entries(systemMetadata).filter(([key]) => !key.startsWith('image_'))
  return { ...Object.fromEntries(kept), ...imageNotes(image) }
}

const imageNotes = (image: Image): Record<string, string> => ({
  ...notesOf({ image, hints: {}, pinnedZone: null }),
  image_base_image_ref: image.id,
})

async function answerOf(
  call: RebuildCall,
  services: Services,
  instance: Instance,
  adminPass: string,
): Promise<Answer> {
  const { config } = services
  // Shown to all under a name without the prefix.
  const { 'OS-EXT-SRV-ATTR:user_data': _data, ...server } = await renderServer(
    call,
    services,
    instance,
    changedServer,
  )
  return {
    headers: { location: call.links.self('servers', instance.uuid) },
    body: {
      server: {
        ...server,
        ...(call.on.showsKey && { key_name: instance.keyName }),
        ...(call.on.showsUserData && { user_data: instance.userData }),
        ...(config.enableInstancePassword && { adminPass }),
      },
    },
  }
}
