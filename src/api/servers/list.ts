/** Lists servers, and shows one: a fixed number of queries, whatever the number of rows. */
import { getServer, targetOf } from '#api/instances/index.ts'
import { type Answer, type Call, limitOf, markerOf, type Services } from '#api/kernel/index.ts'
import { listAttachedVolumes } from '#db/block-devices.ts'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { type InstanceFilters, listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { findGroupOf } from '#db/server-groups.ts'
import { listServices } from '#db/services.ts'
import type { View } from '#lib/versioned/index.ts'
import { isServiceUp } from '#model/host/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { Target } from '#policy/index.ts'
import { addressesAsked, filtersOf, type ListCall, sortOf } from './filters.ts'
import { briefServer, fullServer, listedServer, type ServerContext } from './server.view.ts'

type AnyCall = Call<unknown, unknown, never>

async function instancesOf(call: ListCall, services: Services, allTenantsRule: string) {
  const { db, config } = services
  const filters = await locate(call, services, filtersOf(call, allTenantsRule))
  const limit = limitOf(call.query, config.maxLimit)
  const marker = markerOf(call.query)
  const sort = sortOf(call)
  const page = { sort, limit, ...(marker !== undefined && { marker }) }
  const instances = filters && limit > 0 ? await listInstances(db.typed<NovaDb>(), filters, page) : []
  return { instances, limit }
}

/** Has the network service find addresses. Where it cannot, the addresses that we know are matched. */
async function locate(
  call: ListCall,
  { networks }: Services,
  filters: InstanceFilters | undefined,
): Promise<InstanceFilters | undefined> {
  const parts = addressesAsked(call)
  if (!filters || parts.length === 0 || !networks.instancesByAddress) return filters
  const caller = { token: call.token, projectId: call.context.projectId ?? '' }
  const found: string[] = []
  for (const part of parts) {
    const uuids = await networks.instancesByAddress(part, caller)
    if (!uuids) return filters
    found.push(...uuids)
  }
  const { ip: _ip, ip6: _ip6, uuids, ...others } = filters
  return found.length === 0 ? undefined : { ...others, uuids: [...found, ...(uuids ?? [])] }
}

/** The link to the next page: there is one when this page is full. */
function nextPage(call: ListCall, collection: string, instances: readonly Instance[], limit: number) {
  const last = instances.at(-1)
  return last && instances.length === limit && { servers_links: call.links.next(collection, last.uuid) }
}

export async function listBrief(call: ListCall, services: Services): Promise<Answer> {
  const { instances, limit } = await instancesOf(
    call,
    services,
    'os_compute_api:servers:index:get_all_tenants',
  )
  const render = call.render(briefServer)
  return {
    body: {
      servers: instances.map((instance) => render(instance, call)),
      ...nextPage(call, 'servers', instances, limit),
    },
  }
}

export async function listDetail(call: ListCall, services: Services): Promise<Answer> {
  const { instances, limit } = await instancesOf(
    call,
    services,
    'os_compute_api:servers:detail:get_all_tenants',
  )
  const context = await serverContext(call, services, instances)
  const render = call.render(listedServer)
  return {
    body: {
      servers: instances.map((instance) => render(instance, context)),
      ...nextPage(call, 'servers/detail', instances, limit),
    },
  }
}

export async function show(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:servers:show')
  return { body: { server: await renderServer(call, services, instance, fullServer) } }
}

/** One server in one of its views, with what that view needs. */
export async function renderServer(
  call: AnyCall,
  services: Services,
  instance: Instance,
  view: View<Instance, ServerContext>,
): Promise<Readonly<Record<string, unknown>>> {
  const context = {
    ...(await serverContext(call, services, [instance], targetOf(instance))),
    serverGroup: await findGroupOf(services.db.typed<NovaDb>(), instance.uuid),
  }
  services.log.debug({ at: 'api/servers/server.view', instance: instance.uuid }, 'server shown')
  return call.render(view)(instance, context)
}

/** Loads what the views of these instances need. Rules are asked once, for all of them. */
async function serverContext(
  call: AnyCall,
  services: Services,
  instances: readonly Instance[],
  target?: Target,
): Promise<ServerContext> {
  const db = services.db.typed<NovaDb>()
  const failed = instances.filter(({ vmState }) => vmState === 'error' || vmState === 'deleted')
  const uuids = instances.map(({ uuid }) => uuid)
  return {
    links: call.links,
    isAdmin: call.isAdmin,
    extendedAttributes: call.may('os_compute_api:os-extended-server-attributes', target),
    flavorExtraSpecs: call.may('os_compute_api:servers:show:flavor-extra-specs', target),
    faults: await latestInstanceFaults(
      db,
      failed.map(({ uuid }) => uuid),
    ),
    volumes: await listAttachedVolumes(db, uuids),
    hostIds: new Map(),
    hostStatus: await hostStatusOf(call, services, instances, target),
  }
}

async function hostStatusOf(
  call: AnyCall,
  { db, clock, config }: Services,
  instances: readonly Instance[],
  target: Target | undefined,
): Promise<ServerContext['hostStatus']> {
  const all = call.may('os_compute_api:servers:show:host_status', target)
  const unknownOnly = !all && call.may('os_compute_api:servers:show:host_status:unknown-only', target)
  if (!(all || unknownOnly) || !instances.some(({ host }) => host !== null))
    return () => (all ? '' : undefined)
  const now = clock.now()
  const states = new Map(
    (await listServices(db.typed<NovaDb>(), { binary: 'nova-compute' })).map((service) => {
      const alive = isServiceUp(service, now, config.serviceDownTimeMs) ? 'UP' : 'UNKNOWN'
      const status = service.forcedDown ? 'DOWN' : service.disabled ? 'MAINTENANCE' : alive
      return [service.host, status]
    }),
  )
  return ({ host }) => {
    const status = host === null ? '' : (states.get(host) ?? 'UNKNOWN')
    return all || status === 'UNKNOWN' ? status : undefined
  }
}
