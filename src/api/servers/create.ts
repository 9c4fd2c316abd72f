/**
 * Creates servers: checks all that can be checked, then writes instances, their actions and operations
 * all at once. What happens after is the conductor's.
 */
import { BOOTS_FROM_VOLUME } from '#model/instance/index.ts'
import { type Answer, announceOperations, type Services } from '#api/kernel/index.ts'
import { requireRoomInGroup } from '#api/server-groups/index.ts'
import type { Injected } from '#contracts/operations.ts'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { insertBuilds } from '#db/instance-builds.ts'
import type { NewInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { insertGroupMembers } from '#db/server-groups.ts'
import { canonicalIp } from '#lib/ip.ts'
import { withUndo } from '#lib/undo.ts'
import { isTrue } from '#lib/versioned/index.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { PortRequest } from '#neighbours/networks/port.ts'
import type { Kysely, Transaction } from 'kysely'
import { type Device, deviceRow, rootDevice } from './block-devices.ts'
import { injectedOf } from './injected.ts'
import { hostnameOf, makePassword, makeReservationId, numbered } from './names.ts'
import { makerOf, notesOf } from './notes.ts'
import { type CreateCall, type Plan, planOf } from './plan.ts'
import { countWithinQuota, isLimited } from './quota.ts'
import { reserveVolumes } from './volume-devices.ts'

export async function create(call: CreateCall, services: Services): Promise<Answer> {
  services.log.debug({ at: 'api/servers/create.spec' }, 'the request has the shape it must have')
  const plan = await planOf(call, services)
  const reservationId = makeReservationId(services.ids)
  const adminPass = plan.sent.adminPass ?? makePassword(services.ids, services.config.passwordLength)
  const injected = injectedOf(adminPass, plan.sent.personality)
  const firstUuid = services.ids.uuid()
  const { instances, operationIds } = await withUndo(async (undo) => {
    // Volumes are for one server only.
    const devices = await reserveVolumes(plan.devices, services, firstUuid, undo)
    const writing = { call, services, plan, devices, firstUuid, reservationId, injected }
    // What nothing limits needs nothing counted.
    if (!isLimited(plan.quota) && !plan.group)
      return write(services.db.typed<NovaDb>(), writing, plan.maxCount)
    return services.db.transaction<NovaDb, Written>((trx) => writeLimited(trx, writing))
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
  return answerOf(call, services, plan, { instances, reservationId, adminPass })
}

interface Writing {
  readonly call: CreateCall
  readonly services: Services
  readonly plan: Plan
  readonly devices: readonly Device[]
  /** Of the first server; volumes are reserved for it already. */
  readonly firstUuid: string
  readonly reservationId: string
  /** The same for all. */
  readonly injected: Injected
}

interface Written {
  readonly instances: readonly NewInstance[]
  readonly operationIds: readonly string[]
}

/** As many as quota and group let through: counted and written in one transaction. */
async function writeLimited(trx: Transaction<NovaDb>, writing: Writing): Promise<Written> {
  const { plan } = writing
  const written = await write(
    trx,
    writing,
    await countWithinQuota(trx, plan.quota, { ...plan, isVolumeBacked: plan.image === null }),
  )
  if (plan.group) await joinGroup(trx, writing, plan.group, written.instances)
  return written
}

/** Instances, disks, actions, operations: all at once. */
async function write(
  db: Kysely<NovaDb> | Transaction<NovaDb>,
  writing: Writing,
  count: number,
): Promise<Written> {
  const { call, services, plan, devices } = writing
  const { context } = call
  const instances = Array.from({ length: count }, (_, index) => newInstance(writing, index, count))
  const volumes = devices.filter(({ destinationType }) => destinationType === 'volume')
  const params = {
    image: plan.image,
    spec: specOf(plan),
    networks: plan.networks.map(asParams),
    injected: writing.injected,
    ...(volumes.some(({ volumeId }) => volumeId === null) && { token: call.token }),
  }
  const operations = instances.map(({ uuid }) => ({
    id: services.ids.uuid(),
    saga: volumes.length > 0 ? ('build-server-with-volumes' as const) : ('build-server' as const),
    instanceUuid: uuid,
    context,
    params,
  }))
  const builds = {
    instances,
    devices: instances.flatMap(({ uuid }) =>
      devices.map((device) => deviceRow(device, uuid, services.ids.uuid())),
    ),
    actions: instances.map(({ uuid, projectId, userId }) => ({
      instanceUuid: uuid,
      action: 'create',
      requestId: context.requestId,
      userId,
      projectId,
    })),
    operations,
  }
  await insertBuilds(db, builds, { now: services.clock.now() })
  return { instances, operationIds: operations.map(({ id }) => id) }
}

async function joinGroup(
  trx: Transaction<NovaDb>,
  { call, plan }: Writing,
  group: ServerGroup,
  instances: readonly NewInstance[],
): Promise<void> {
  const joining = { userId: call.context.userId, count: instances.length }
  await requireRoomInGroup(trx, plan.quota, group, joining)
  await insertGroupMembers(
    trx,
    group.id,
    instances.map(({ uuid }) => uuid),
  )
}

const asParams = (request: PortRequest) => ({ ...request, securityGroupIds: [...request.securityGroupIds] })

function newInstance(
  { call, services, plan, firstUuid, reservationId }: Writing,
  index: number,
  count: number,
): NewInstance {
  const { sent, bootImage, destination } = plan
  const { properties } = bootImage
  const uuid = index === 0 ? firstUuid : services.ids.uuid()
  const name = (sent.name ?? '').trim()
  const displayName = numbered(name, index, count)
  return {
    uuid,
    projectId: plan.projectId,
    userId: call.context.userId,
    displayName,
    displayDescription: call.on.descriptionFromName ? name : (sent.description ?? null),
    hostname: sent.hostname ?? hostnameOf(displayName, uuid),
    vmState: 'building',
    taskState: 'scheduling',
    imageRef: plan.imageRef,
    kernelId: properties['kernel_id'] ?? '',
    ramdiskId: properties['ramdisk_id'] ?? '',
    flavor: plan.flavor,
    reservationId,
    launchIndex: index,
    availabilityZone: destination.zone,
    keyName: sent.key_name ?? null,
    keyData: plan.publicKey,
    userData: sent.user_data ?? null,
    configDrive: isTrue(sent.config_drive) || properties['img_config_drive'] === 'mandatory',
    accessIpV4: sent.accessIPv4 ?? null,
    accessIpV6: sent.accessIPv6 === undefined ? null : canonicalIp(sent.accessIPv6),
    metadata: sent.metadata ?? {},
    systemMetadata: {
      ...notesOf({ image: bootImage, hints: plan.hints, pinnedZone: destination.zone }),
      ...makerOf(call.context),
      ...(plan.image === null && plan.imageRef !== '' && { [BOOTS_FROM_VOLUME]: 'yes' }),
    },
    tags: [...new Set(sent.tags ?? [])],
    trustedCerts: sent.trusted_image_certificates ?? null,
    rootDeviceName: rootDevice(plan.devices)?.deviceName ?? null,
    autoDiskConfig: sent['OS-DCF:diskConfig'] === 'AUTO',
    securityGroups: plan.groups.names,
  }
}

function specOf(plan: Plan): RequestSpec {
  const { flavor, image, bootImage, projectId, destination, hints } = plan
  return {
    flavor: {
      name: flavor.name,
      vcpus: flavor.vcpus,
      memoryMb: flavor.memoryMb,
      rootGb: flavor.rootGb,
      ephemeralGb: flavor.ephemeralGb,
      swapMb: flavor.swapMb,
      extraSpecs: flavor.extraSpecs,
    },
    imageProperties: bootImage.properties,
    imageId: image?.id ?? rootDevice(plan.devices)?.imageId ?? null,
    imageDiskFormat: bootImage.diskFormat,
    isVolumeBacked: image === null,
    projectId,
    availabilityZone: destination.zone,
    forceHost: destination.host,
    forceNode: destination.node,
    heedsFilters: destination.heedsFilters,
    ignoreHosts: [],
    schedulerHints: hints,
  }
}

interface Made {
  readonly reservationId: string
  readonly adminPass: string
  readonly instances: readonly NewInstance[]
}

function answerOf(
  call: CreateCall,
  { config }: Services,
  { sent, groups }: Plan,
  { instances: [first], reservationId, adminPass }: Made,
): Answer {
  if (isTrue(sent.return_reservation_id)) return { body: { reservation_id: reservationId } }
  if (!first) throw new Error('a create made no instance')
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
