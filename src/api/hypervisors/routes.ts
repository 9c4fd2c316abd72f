/** Hypervisors: the nodes that guests run on, and what they have and use. */
import { limitOf, markerOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import { type ComputeNodeFilters, getComputeNode, listComputeNodes } from '#db/compute-nodes.ts'
import { listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { listServices } from '#db/services.ts'
import { badRequest, notFound } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import { isTrue } from '#lib/versioned/index.ts'
import { type ComputeNode, isServiceUp } from '#model/host/index.ts'
import {
  type Hypervisor,
  hypervisorDetail,
  hypervisorInList,
  hypervisorUptimeView,
} from './hypervisor.view.ts'
import {
  hypervisorServers,
  hypervisorStatistics,
  hypervisorUptime,
  listHypervisors,
  listHypervisorsDetail,
  searchHypervisors,
  showHypervisor,
} from './hypervisors.spec.ts'

/** The id as the version has it; a number that is none names a hypervisor that is not there. */
function nodeId(id: string, byUuid: boolean): string | number {
  if (byUuid && !isUuidLike(id)) throw badRequest(`Invalid uuid ${id}`)
  if (!byUuid && !/^\d{1,9}$/.test(id)) throw notFound(`Hypervisor with ID '${id}' could not be found.`)
  return byUuid ? id : Number(id)
}

const noMatch = (pattern: string) => notFound(`No hypervisor matching '${pattern}' could be found.`)

interface ListQuery {
  readonly limit?: readonly string[] | undefined
  readonly marker?: readonly string[] | undefined
  readonly hypervisor_hostname_pattern?: readonly string[] | undefined
  readonly with_servers?: readonly string[] | undefined
}

export function hypervisorRoutes({ db, clock, config }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  /** Nodes with their services, and their servers when asked for: two queries, or three. */
  async function describe(nodes: readonly ComputeNode[], withServers: boolean): Promise<Hypervisor[]> {
    const services = new Map(
      (await listServices(nova, { binary: 'nova-compute' })).map((service) => [service.host, service]),
    )
    const instances = withServers ? await listInstances(nova, { hosts: nodes.map(({ host }) => host) }) : []
    const byNode = Map.groupBy(instances, ({ host, node }) => `${host} ${node}`)
    return nodes.map((node) => {
      const service = services.get(node.host)
      const found = byNode.get(`${node.host} ${node.hypervisorHostname}`) ?? []
      return {
        node,
        service,
        isUp: service !== undefined && isServiceUp(service, clock.now(), config.serviceDownTimeMs),
        servers: withServers
          ? found.map(({ displayName, uuid }) => ({ name: displayName, uuid }))
          : undefined,
      }
    })
  }

  async function list(query: ListQuery, on: { paged: boolean; byUuid: boolean }) {
    const pattern = on.byUuid ? query.hypervisor_hostname_pattern?.at(-1) : undefined
    const marker = on.paged ? markerOf(query) : undefined
    const limit = on.paged ? limitOf(query, config.maxLimit) : undefined
    if (pattern !== undefined && (marker !== undefined || query.limit !== undefined))
      // Nova has a better reason, which it does not get to tell.
      throw badRequest(
        'The server could not comply with the request since it is either malformed or otherwise incorrect.',
      )
    const filters: ComputeNodeFilters = pattern === undefined ? {} : { hostnameContains: pattern }
    const nodes = await listComputeNodes(nova, filters, {
      ...(marker !== undefined && { marker: nodeMarker(marker, on.byUuid) }),
      ...(limit !== undefined && pattern === undefined && { limit }),
    })
    if (pattern !== undefined && nodes.length === 0) throw noMatch(pattern)
    const last = nodes.at(-1)
    const more = limit !== undefined && pattern === undefined && nodes.length === limit ? last : undefined
    return {
      hypervisors: await describe(nodes, on.byUuid && isTrue(query.with_servers?.at(-1))),
      next: more && String(on.byUuid ? more.uuid : more.id),
    }
  }

  const listRoute = (operation: typeof listHypervisors, view: typeof hypervisorInList, path: string): Route =>
    serve(operation, async (call) => {
      const { hypervisors, next } = await list(call.query, call.on)
      const render = call.render(view)
      return {
        body: {
          hypervisors: hypervisors.map((hypervisor) => render(hypervisor, undefined)),
          ...(next !== undefined && { hypervisors_links: call.links.next(path, next) }),
        },
      }
    })

  const one = async (id: string, byUuid: boolean, withServers: boolean): Promise<Hypervisor> => {
    const [hypervisor] = await describe([await getComputeNode(nova, nodeId(id, byUuid))], withServers)
    if (!hypervisor) throw notFound(`Hypervisor with ID '${id}' could not be found.`)
    return hypervisor
  }

  const matching = async (pattern: string, withServers: boolean): Promise<Hypervisor[]> => {
    const nodes = await listComputeNodes(nova, { hostnameContains: pattern })
    if (nodes.length === 0) throw noMatch(pattern)
    return describe(nodes, withServers)
  }

  return [
    listRoute(listHypervisors, hypervisorInList, 'os-hypervisors'),
    listRoute(listHypervisorsDetail, hypervisorDetail, 'os-hypervisors/detail'),
    serve(hypervisorStatistics, async () => ({
      body: { hypervisor_statistics: sumOf(await listComputeNodes(nova)) },
    })),
    serve(showHypervisor, async (call) => {
      const hypervisor = await one(
        call.params.id ?? '',
        call.on.byUuid,
        call.on.byUuid && isTrue(call.query.with_servers?.at(-1)),
      )
      return { body: { hypervisor: call.render(hypervisorDetail)(hypervisor, undefined) } }
    }),
    serve(hypervisorUptime, async (call) => {
      const hypervisor = await one(call.params.id ?? '', call.on.byUuid, false)
      if (!hypervisor.isUp)
        throw badRequest(`Compute service of ${hypervisor.node.host} is unavailable at this time.`)
      return { body: { hypervisor: call.render(hypervisorUptimeView)(hypervisor, undefined) } }
    }),
    serve(searchHypervisors, async (call) => {
      const render = call.render(hypervisorInList)
      const found = await matching(call.params.id ?? '', false)
      return { body: { hypervisors: found.map((hypervisor) => render(hypervisor, undefined)) } }
    }),
    serve(hypervisorServers, async (call) => {
      const render = call.render(hypervisorInList)
      const found = await matching(call.params.id ?? '', true)
      return { body: { hypervisors: found.map((hypervisor) => render(hypervisor, undefined)) } }
    }),
  ]
}

/** A marker that could be no id is one that is not found. */
function nodeMarker(marker: string, byUuid: boolean): string | number {
  if (byUuid ? !isUuidLike(marker) : !/^\d{1,9}$/.test(marker))
    throw badRequest(`marker [${marker}] not found`)
  return byUuid ? marker : Number(marker)
}

/** All nodes together. */
function sumOf(nodes: readonly ComputeNode[]) {
  const sum = (pick: (node: ComputeNode) => number): number =>
    nodes.reduce((total, node) => total + pick(node), 0)
  return {
    count: nodes.length,
    vcpus: sum((node) => node.vcpus),
    memory_mb: sum((node) => node.memoryMb),
    local_gb: sum((node) => node.localGb),
    vcpus_used: sum((node) => node.vcpusUsed),
    memory_mb_used: sum((node) => node.memoryMbUsed),
    local_gb_used: sum((node) => node.localGbUsed),
    free_ram_mb: sum((node) => node.memoryMb - node.memoryMbUsed),
    free_disk_gb: sum((node) => node.localGb - node.localGbUsed),
    current_workload: 0,
    running_vms: sum((node) => node.runningVms),
    disk_available_least: sum((node) => node.diskAvailableLeast ?? 0),
  }
}
