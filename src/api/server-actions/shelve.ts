/** Shelving: the server is kept as an image, leaves its host, and comes back when it is asked for. */
import { beginOperation, getServer, targetOf } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { quotaOf, unifiedNeeds } from '#api/quotas/index.ts'
import { checkZone, pinnedZoneOf, withPinnedZone } from '#api/servers/index.ts'
import { findAvailabilityZone } from '#db/aggregates.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict } from '#lib/fault.ts'
import { type Instance, requireAllowed, isVolumeBacked } from '#model/instance/index.ts'
import { computeOn } from './hosts.ts'
import { orRemove, waitingImage } from './images.ts'
import { requestSpecOf } from './request-spec.ts'

type AnyCall = Call<unknown, unknown, never>

const RULE = 'os_compute_api:os-shelve'

export async function shelve(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:shelve`)
  requireAllowed('shelve', instance, call)
  const hasRootVolume = isVolumeBacked(instance)
  // What boots from a volume has nothing to be kept on a host.
  const offloads = services.config.offloadsAtOnce || hasRootVolume
  const begin = (imageId: string | null) =>
    beginOperation(call, services, {
      instance,
      operations: ['shelve'],
      action: 'shelve',
      saga: offloads ? 'shelve-and-offload-server' : 'shelve-server',
      params: { imageId },
    })
  if (hasRootVolume) {
    await begin(null)
    return {}
  }
  const wanted = { name: `${instance.displayName}-shelved`, type: 'snapshot', properties: {} } as const
  const image = await waitingImage(call, services, instance, wanted)
  await orRemove(services, image, () => begin(image.id))
  return {}
}

export async function shelveOffload(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:shelve_offload`)
  await beginOperation(call, services, {
    instance,
    operations: ['shelve_offload'],
    action: 'shelveOffload',
    saga: 'offload-server',
    params: {},
  })
  return {}
}

/** Where to; a zone of null is anywhere from now on, one that is left out stays as it was. */
export interface Where {
  readonly availability_zone?: string | null
  readonly host?: string
}

export async function unshelve(call: AnyCall, services: Services, where: Where): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:unshelve`)
  if (where.host !== undefined && where.host !== '')
    call.enforce(`${RULE}:unshelve_to_host`, targetOf(instance))
  requireAllowed('unshelve', instance, call)
  const zone = await zoneOf(services, instance, where)
  const host = await hostOf(services, { host: where.host, zone })
  const imageId = instance.systemMetadata['shelved_image_id'] ?? null
  const isOffloaded = instance.vmState === 'shelved_offloaded'
  const begin = {
    instance,
    operations: ['unshelve'],
    action: 'unshelve',
    change: (current: Instance) =>
      where.availability_zone === undefined ? {} : { systemMetadata: withPinnedZone(current, zone) },
  } as const
  if (!isOffloaded) {
    await beginOperation(call, services, { ...begin, saga: 'unshelve-server', params: { imageId } })
    return {}
  }
  const image = imageId === null ? null : await services.images.findAsService(imageId)
  if (image === undefined) throw badRequest(`Image ${imageId} could not be found.`)
  const spec = requestSpecOf(instance, { availabilityZone: zone, forceHost: host, heedsFilters: true })
  const { projectId } = instance
  const isUnified = services.config.quotaDriver === 'keystone'
  const room = isUnified ? (await quotaOf(services, { projectId, forServers: true })).room : undefined
  await beginOperation(call, services, {
    ...begin,
    saga: 'unshelve-offloaded-server',
    params: { image, spec },
    // Where Placement counts, it was not while it held nothing.
    ...(room && {
      also: (trx, current) =>
        room.require(
          trx,
          unifiedNeeds(current.flavor, { isVolumeBacked: isVolumeBacked(current), isNew: false }),
        ),
    }),
  })
  return {}
}

/** The zone that the server is to be in. Only a server that is on no host can be told where to go. */
async function zoneOf(services: Services, instance: Instance, where: Where): Promise<string | null> {
  const { availability_zone: asked } = where
  const { uuid, vmState } = instance
  if ((asked !== undefined || where.host !== undefined) && vmState !== 'shelved_offloaded') {
    const what = `Specifying an availability zone or a host when unshelving server "${uuid}" with status "${vmState}"`
    throw conflict(`${what} is not supported. The server status must be SHELVED_OFFLOADED.`)
  }
  if (asked !== undefined && asked !== null)
    await checkZone(services, { zone: asked, host: null, node: null, heedsFilters: true })
  return asked === undefined ? pinnedZoneOf(instance) : asked
}

async function hostOf(
  services: Services,
  { host, zone }: { readonly host: string | undefined; readonly zone: string | null },
): Promise<string | null> {
  if (host === undefined || host === '') return null
  if (!(await computeOn(services, host))) throw badRequest(`Compute host ${host} could not be found.`)
  const own = await findAvailabilityZone(services.db.typed<NovaDb>(), host)
  if (zone !== null && (own ?? services.config.defaultAvailabilityZone) !== zone)
    throw conflict(`Host "${host}" is not in the availability zone "${zone}".`)
  return host
}
