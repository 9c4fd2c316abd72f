/**
 * Creates servers: checks all that can be checked, then writes instances, their actions and operations
 * in one transaction. What happens after is the conductor's.
 */
import { type Answer, announceOperations, type Call, type Services } from '#api/kernel/index.ts'
import { limitsOf } from '#api/quotas/index.ts'
import { requireRoomInGroup } from '#api/server-groups/index.ts'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { insertBlockDevices } from '#db/block-devices.ts'
import { findFlavor } from '#db/flavors.ts'
import { insertInstanceActions } from '#db/instance-actions.ts'
import { insertInstances, type NewInstance } from '#db/instances.ts'
import { findKeyPair } from '#db/keypairs.ts'
import { insertOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServerGroup, insertGroupMembers } from '#db/server-groups.ts'
import { badRequest } from '#lib/fault.ts'
import { type Accepted, isTrue } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { PortRequest } from '#neighbours/networks/port.ts'
import type { Transaction } from 'kysely'
import { type RootDisk, rootDeviceRow, rootDiskOf } from './block-devices.ts'
import { checkImage } from './check-image.ts'
import type { createServer } from './create.spec.ts'
import { checkZone, type Destination, destinationOf } from './destination.ts'
import { hostnameOf, makePassword, makeReservationId, numbered } from './names.ts'
import { notesOf, type SchedulerHints } from './notes.ts'
import { checkItems, countWithinQuota } from './quota.ts'
import { checkNetworksWish, resolveNetworks } from './requested-networks.ts'
import { type Groups, resolveGroups } from './security-groups.ts'

type Body = Accepted<NonNullable<(typeof createServer)['spec']['body']>>
type CreateCall = Call<Body, unknown, 'descriptionFromName'>
type Sent = Body['server']

/** All that a create needs to know, found and checked. */
interface Plan {
  readonly sent: Sent
  readonly projectId: string
  readonly minCount: number
  readonly maxCount: number
  readonly flavor: Flavor
  readonly image: Image
  readonly root: RootDisk
  readonly destination: Destination
  readonly publicKey: string | null
  readonly groups: Groups
  readonly networks: readonly PortRequest[]
  readonly hints: SchedulerHints
  readonly group: ServerGroup | undefined
}

export async function create(call: CreateCall, services: Services): Promise<Answer> {
  services.log.debug({ at: 'api/servers/create.spec' }, 'the request has the shape it must have')
  const plan = await planOf(call, services)
  const reservationId = makeReservationId(services.ids)
  const operationIds: string[] = []
  const instances = await services.db.transaction<NovaDb, Instance[]>(async (trx) => {
    operationIds.length = 0
    return write(trx, { call, services, plan, reservationId, operationIds })
  })
  services.log.debug(
    { at: 'api/servers/create', instances: instances.map(({ uuid }) => uuid) },
    'servers accepted',
  )
  const requestId = call.context.requestId
  services.log.info(
    { request_id: requestId, instances: instances.map(({ uuid }) => uuid) },
    'servers accepted',
  )
  await announceOperations(services, operationIds, requestId)
  return answerOf(call, services, plan, instances, reservationId)
}

async function planOf(call: CreateCall, services: Services): Promise<Plan> {
  const { server: sent } = call.body
  const projectId = call.context.projectId ?? ''
  const { minCount, maxCount } = countsOf(sent)
  const destination = await destinationOf(call, services, sent)
  enforceParts(call, sent)
  checkNetworksWish(sent.networks, maxCount)
  const root = rootDiskOf(sent.imageRef, sent.block_device_mapping_v2, sent.block_device_mapping)
  const flavor = await flavorOf(call, services, sent)
  await checkZone(services, destination)
  const image = await services.images.find(root.imageId, { token: call.token })
  if (!image) throw badRequest('Can not find requested image')
  const caller = { token: call.token, projectId }
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
  const limits = await limitsOf(services.db.typed<NovaDb>(), services.config, { projectId })
  checkItems(limits, sent.metadata ?? {}, sent.personality ?? [])
  checkImage(image, flavor, () => call.may('os_compute_api:servers:create:zero_disk_flavor'))
  const hints = hintsOf(call.body)
  const group = await groupOf(services, hints)
  return {
    sent,
    projectId,
    minCount,
    maxCount,
    flavor,
    image,
    root,
    destination,
    publicKey,
    groups,
    networks,
    hints,
    group,
  }
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
  const flavor = await findFlavor(db.typed<NovaDb>(), flavorId, visibility)
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

function hintsOf(body: Body): SchedulerHints {
  const hints = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {}
  // Nova's own flags once travelled among the hints: a caller's must not be taken for them (CVE-2026-46448).
  const internal = Object.keys(hints).find((name) => name.startsWith('_nova'))
  if (internal !== undefined) throw badRequest(`Scheduler hint '${internal}' is reserved.`)
  if (JSON.stringify(hints).length > MAX_HINTS_LENGTH)
    throw badRequest(`Scheduler hints are too large: at most ${MAX_HINTS_LENGTH} characters.`)
  return hints
}

/** The group that the new servers are to join. */
async function groupOf({ db }: Services, hints: SchedulerHints): Promise<ServerGroup | undefined> {
  if (hints.group === undefined) return undefined
  const [uuid] = [hints.group].flat().map(String)
  const group = await findServerGroup(db.typed<NovaDb>(), uuid ?? '')
  if (!group) throw badRequest(`Instance group ${uuid ?? ''} could not be found.`)
  return group
}

interface Writing {
  readonly call: CreateCall
  readonly services: Services
  readonly plan: Plan
  readonly reservationId: string
  readonly operationIds: string[]
}

/** The one transaction: quota, instances, root disks, actions, operations. */
async function write(trx: Transaction<NovaDb>, writing: Writing): Promise<Instance[]> {
  const { call, services, plan, operationIds } = writing
  const { context } = call
  const now = services.clock.now()
  const count = await countWithinQuota(trx, services.config, { ...plan, userId: context.userId })
  const news = Array.from({ length: count }, (_, index) => newInstance(writing, index, count))
  const instances = await insertInstances(trx, news, { now })
  if (plan.group) await joinGroup(trx, writing, plan.group, instances)
  await insertBlockDevices(
    trx,
    instances.map(({ uuid }) => rootDeviceRow(plan.root, uuid, services.ids.uuid())),
    { now },
  )
  await insertInstanceActions(
    trx,
    instances.map(({ uuid, projectId, userId }) => ({
      instanceUuid: uuid,
      action: 'create',
      requestId: context.requestId,
      userId,
      projectId,
    })),
    { now },
  )
  const params = { image: plan.image, spec: specOf(plan), networks: plan.networks.map(asParams) }
  const operations = instances.map(({ uuid }) => ({
    id: services.ids.uuid(),
    saga: 'build-server' as const,
    instanceUuid: uuid,
    context,
    params,
  }))
  await insertOperations(trx, operations, { now })
  operationIds.push(...operations.map(({ id }) => id))
  return instances
}

async function joinGroup(
  trx: Transaction<NovaDb>,
  { call, services }: Writing,
  group: ServerGroup,
  instances: readonly Instance[],
): Promise<void> {
  const joining = { userId: call.context.userId, count: instances.length }
  await requireRoomInGroup(trx, services.config, group, joining)
  await insertGroupMembers(
    trx,
    group.id,
    instances.map(({ uuid }) => uuid),
  )
}

const asParams = (request: PortRequest) => ({ ...request, securityGroupIds: [...request.securityGroupIds] })

function newInstance(
  { call, services, plan, reservationId }: Writing,
  index: number,
  count: number,
): NewInstance {
  const { sent, image, destination } = plan
  const uuid = services.ids.uuid()
  const name = (sent.name ?? '').trim()
  const displayName = numbered(name, index, count)
  return {
    uuid,
    projectId: plan.projectId,
    userId: call.context.userId,
    displayName,
    displayDescription: call.on.descriptionFromName ? name : (sent.description ?? null),
    hostname:
      sent.hostname === undefined ? hostnameOf(displayName, uuid) : numbered(sent.hostname, index, count),
    vmState: 'building',
    taskState: 'scheduling',
    imageRef: image.id,
    kernelId: image.properties['kernel_id'] ?? '',
    ramdiskId: image.properties['ramdisk_id'] ?? '',
    flavor: plan.flavor,
    reservationId,
    launchIndex: index,
    availabilityZone: destination.zone,
    keyName: sent.key_name ?? null,
    keyData: plan.publicKey,
    userData: sent.user_data ?? null,
    configDrive: isTrue(sent.config_drive) || image.properties['img_config_drive'] === 'mandatory',
    accessIpV4: sent.accessIPv4 ?? null,
    accessIpV6: sent.accessIPv6 ?? null,
    metadata: sent.metadata ?? {},
    systemMetadata: notesOf({ image, hints: plan.hints, pinnedZone: destination.zone }),
    tags: [...new Set(sent.tags ?? [])],
    trustedCerts: sent.trusted_image_certificates ?? null,
    rootDeviceName: plan.root.deviceName,
    autoDiskConfig: sent['OS-DCF:diskConfig'] === 'AUTO',
    securityGroups: plan.groups.names,
  }
}

function specOf({ flavor, image, projectId, destination, hints }: Plan): RequestSpec {
  return {
    flavor: {
      vcpus: flavor.vcpus,
      memoryMb: flavor.memoryMb,
      rootGb: flavor.rootGb,
      ephemeralGb: flavor.ephemeralGb,
      swapMb: flavor.swapMb,
      extraSpecs: flavor.extraSpecs,
    },
    imageProperties: image.properties,
    isVolumeBacked: false,
    projectId,
    availabilityZone: destination.zone,
    forceHost: destination.host,
    forceNode: destination.node,
    ignoreHosts: [],
    schedulerHints: hints,
  }
}

function answerOf(
  call: CreateCall,
  { config, ids }: Services,
  { sent, groups }: Plan,
  [first]: readonly Instance[],
  reservationId: string,
): Answer {
  if (isTrue(sent.return_reservation_id)) return { body: { reservation_id: reservationId } }
  if (!first) throw new Error('a create made no instance')
  const adminPass = sent.adminPass ?? makePassword(ids, config.passwordLength)
  return {
    headers: { location: call.links.self('servers', first.uuid) },
    body: {
      server: {
        id: first.uuid,
        links: call.links.of('servers', first.uuid),
        'OS-DCF:diskConfig': first.autoDiskConfig ? 'AUTO' : 'MANUAL',
        security_groups: groups.names.map((name) => ({ name })),
        ...(config.enableInstancePassword && { adminPass }),
      },
    },
  }
}
