/** What a create asks for, found and checked: everything that can be refused before anything is written. */
import type { Call, Services } from '#api/kernel/index.ts'
import { type Quota, quotaOf } from '#api/quotas/index.ts'
import { findFlavor } from '#db/flavors.ts'
import { sharedRead } from '#db/kit/index.ts'
import { findKeyPair } from '#db/keypairs.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServerGroup } from '#db/server-groups.ts'
import { badRequest } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { PortRequest } from '#neighbours/networks/port.ts'
import {
  checkBootOrder,
  checkRootName,
  checkSpace,
  completeDevices,
  type Device,
  readDevices,
  rootDevice,
} from './block-devices.ts'
import { checkImage, checkVolumeImage } from './check-image.ts'
import { rootNameOf, withImageDevices } from './image-devices.ts'
import type { createServer } from './create.spec.ts'
import { checkZone, type Destination, destinationOf } from './destination.ts'
import type { SchedulerHints } from './notes.ts'
import { checkItems } from './quota.ts'
import { checkNetworksWish, resolveNetworks } from './requested-networks.ts'
import { type Groups, resolveGroups } from './security-groups.ts'
import { type BootImage, bootImageOf, findSources, zoneWithVolumes } from './volume-devices.ts'

type Body = Accepted<NonNullable<(typeof createServer)['spec']['body']>>
export type CreateCall = Call<Body, unknown, 'descriptionFromName' | 'volumesShared'>
type Sent = Body['server']

/** All that a create needs to know, found and checked. */
export interface Plan {
  readonly sent: Sent
  readonly projectId: string
  readonly minCount: number
  readonly maxCount: number
  readonly flavor: Flavor
  /** Empty when the server has none but in its volume. */
  readonly imageRef: string
  /** Null when the root disk is a volume. */
  readonly image: Image | null
  /** What is known of the image, wherever it is. */
  readonly bootImage: BootImage
  readonly devices: readonly Device[]
  readonly destination: Destination
  readonly publicKey: string | null
  readonly groups: Groups
  readonly networks: readonly PortRequest[]
  readonly hints: SchedulerHints
  readonly group: ServerGroup | undefined
  readonly quota: Quota
}

export async function planOf(call: CreateCall, services: Services): Promise<Plan> {
  const { server: sent } = call.body
  const projectId = call.context.projectId ?? ''
  const { minCount, maxCount } = countsOf(sent)
  const destination = await destinationOf(call, services, sent)
  if (sent.hostname !== undefined && maxCount > 1)
    throw badRequest('Unable to allocate a single hostname to multiple instances')
  enforceParts(call, sent)
  const wished = readDevices(sent)
  const imageRef = sent.imageRef ?? ''
  if (imageRef === '' && wished.length === 0) throw badRequest('Missing imageRef attribute')
  checkNetworksWish(sent.networks, maxCount)
  const flavor = await flavorOf(call, services, sent)
  await checkZone(services, destination)
  const caller = { token: call.token, projectId }
  const { image, bootImage } = await imagesOf(sent, wished, services, caller)
  const groups = await resolveGroups(
    sent.security_groups?.map(({ name }) => name),
    services.networks,
    caller,
  )
  const networks = await resolveNetworks(sent.networks, {
    call,
    networks: services.networks,
    caller,
    securityGroupIds: groups.ids,
    count: maxCount,
  })
  const publicKey = await publicKeyOf(call, services, sent)
  const quota = await quotaOf(services, { projectId, userId: call.context.userId, forServers: true })
  checkItems(quota, sent.metadata ?? {}, sent.personality ?? [])
  const completed = devicesOf(sent, image, { flavor, count: maxCount })
  const root = rootDevice(completed)
  if (root?.destinationType === 'volume') checkVolumeImage(bootImage, flavor, root.volumeSizeGb)
  else if (image) checkImage(image, flavor, () => call.may('os_compute_api:servers:create:zero_disk_flavor'))
  checkBootOrder(completed)
  const mayShare = call.on.volumesShared
  const { devices, volumes } = await findSources(completed, services, { caller, imageRef, mayShare })
  const zone = zoneWithVolumes(volumes, destination.zone, services.config)
  checkSpace(devices, flavor, services.config.maxLocalBlockDevices)
  const hints = hintsOf(call.body)
  const group = await groupOf(services, hints)
  return {
    sent,
    projectId,
    minCount,
    maxCount,
    flavor,
    imageRef,
    image: root?.destinationType === 'volume' ? null : image,
    bootImage,
    devices,
    destination: { ...destination, zone },
    publicKey,
    groups,
    networks,
    hints,
    group,
    quota,
  }
}

/** The disks that were sent, those of the image and those of the flavor. */
function devicesOf(sent: Sent, image: Image | null, of: { flavor: Flavor; count: number }): Device[] {
  const rootName = rootNameOf(image)
  const wished = readDevices(sent, rootName)
  checkRootName(wished, sent.imageRef ?? '', rootName)
  return completeDevices(withImageDevices(wished, image, { sent, flavor: of.flavor }), { ...of, rootName })
}

/** The image sent, if one was, and what is known of the one that the server boots from. */
async function imagesOf(
  sent: Sent,
  devices: readonly Device[],
  services: Services,
  caller: { readonly token: string; readonly projectId: string },
): Promise<{ image: Image | null; bootImage: BootImage }> {
  if (sent.imageRef !== undefined && sent.imageRef !== '') {
    const image = await services.images.find(sent.imageRef, caller)
    if (!image) throw badRequest('Can not find requested image')
    return { image, bootImage: image }
  }
  if (sent.trusted_image_certificates != null)
    throw badRequest('Image certificate validation is not supported when booting from volume')
  const root = rootDevice(devices)
  const nothing = { properties: {}, minDiskGb: 0, minRamMb: 0, diskFormat: null, containerFormat: null }
  return { image: null, bootImage: root ? await bootImageOf(root, services, caller) : nothing }
}

/** As many servers as one request may ask for where quotas allow any number. */
const MAX_COUNT = 10_000

function countsOf(sent: Sent): { minCount: number; maxCount: number } {
  const minCount = Number(sent.min_count ?? 1)
  const maxCount = Number(sent.max_count ?? minCount)
  if (minCount > maxCount) throw badRequest('min_count must be <= max_count')
  if (maxCount > MAX_COUNT) throw badRequest(`max_count must be <= ${MAX_COUNT}`)
  return { minCount, maxCount }
}

/** Rules for what only some creates ask for. */
function enforceParts(call: CreateCall, sent: Sent): void {
  const devices = (sent.block_device_mapping_v2?.length ?? 0) + (sent.block_device_mapping?.length ?? 0)
  if (devices > 0) call.enforce('os_compute_api:servers:create:attach_volume')
  if (Array.isArray(sent.networks) && sent.networks.length > 0)
    call.enforce('os_compute_api:servers:create:attach_network')
  if (sent.trusted_image_certificates != null) call.enforce('os_compute_api:servers:create:trusted_certs')
}

async function flavorOf(call: CreateCall, { db }: Services, sent: Sent): Promise<Flavor> {
  const id = String(sent.flavorRef)
  // Old clients send the flavor's URL.
  const flavorId = id.slice(id.lastIndexOf('/') + 1)
  const visibility = call.isAdmin ? {} : { visibleTo: call.context.projectId ?? '' }
  const flavor = await sharedRead(db.typed<NovaDb>(), ['flavor', flavorId, visibility], (kysely) =>
    findFlavor(kysely, flavorId, visibility),
  )
  if (!flavor || flavor.disabled) throw badRequest(`Flavor ${flavorId} could not be found.`)
  return flavor
}

async function publicKeyOf(call: CreateCall, { db }: Services, sent: Sent): Promise<string | null> {
  if (sent.key_name === undefined) return null
  const key = await findKeyPair(db.typed<NovaDb>(), call.context.userId, sent.key_name)
  if (!key) throw badRequest('Invalid key_name provided.')
  return key.publicKey
}

/** As JSON. They are stored, sent to the scheduler, and looked through for each host (CVE-2012-3371). */
const MAX_HINTS_LENGTH = 65_535
/** What is nested without end cannot even be written down. */
const MAX_HINTS_DEPTH = 50

function hintsOf(body: Body): SchedulerHints {
  const hints = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {}
  // Nova's own flags once travelled among the hints: a caller's must not be taken for them (CVE-2026-46448).
  const internal = Object.keys(hints).find((name) => name.startsWith('_nova'))
  if (internal !== undefined) throw badRequest(`Scheduler hint '${internal}' is reserved.`)
  if (!isFlat(hints, MAX_HINTS_DEPTH))
    throw badRequest(`Scheduler hints are nested too deep: at most ${MAX_HINTS_DEPTH} levels.`)
  if (JSON.stringify(hints).length > MAX_HINTS_LENGTH)
    throw badRequest(`Scheduler hints are too large: at most ${MAX_HINTS_LENGTH} characters.`)
  return hints
}

const isFlat = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isFlat(inner, levels - 1)))

/** The group that the new servers are to join. */
async function groupOf({ db }: Services, hints: SchedulerHints): Promise<ServerGroup | undefined> {
  if (hints.group === undefined) return undefined
  const [uuid] = [hints.group].flat().map(String)
  const group = await findServerGroup(db.typed<NovaDb>(), uuid ?? '')
  if (!group) throw badRequest(`Instance group ${uuid ?? ''} could not be found.`)
  return group
}
