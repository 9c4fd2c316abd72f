/** The client of a Neutron: ports for instances in few requests, and what the API needs to look up. */
import { Fault, isFault } from '#lib/fault.ts'
import { createGatheredReads } from '#lib/shared-reads.ts'
import type { Vif } from '#model/network/index.ts'
import { type Allocated, allocatePorts, removePorts, unbindPort } from './allocate.ts'
import { makeAlone, type MakePorts, makeTogether, NotTogether } from './make-ports.ts'
import {
  type NeutronFloatingIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronSecurityGroup,
  type NeutronSubnet,
  type Surroundings,
  toNetwork,
  toPort,
  toSecurityGroup,
  toVif,
} from './neutron-documents.ts'
import type { Caller, Networks, PortOwner, PortRequest, SecurityGroup } from './port.ts'
import { createRequests, type NeutronRequests, type RequestsDeps } from './requests.ts'

/** Makes the client. Every method throws Faults with Neutron's message and its error type as `code`. */
export function createNetworks(deps: RequestsDeps): Networks {
  const neutron = createRequests(deps)
  const portsAt = createGatheredReads((uuids: readonly string[]) => portsByDevice(neutron, uuids), {
    waitsATurn: true,
  })
  const portsOfOne = async (uuid: string): Promise<readonly NeutronPort[]> => (await portsAt(uuid)) ?? []
  const namesPorts = askOnce(() => hasExtension(neutron, 'dns-integration'))
  const findsParts = askOnce(() => hasExtension(neutron, 'ip-substring-filtering'))
  const [alone, together] = [makeAlone(neutron), makeTogether(neutron)]
  /** What an earlier try made is used. */
  const portsFor = async (
    owner: PortOwner,
    requests: readonly PortRequest[],
    make: MakePorts,
  ): Promise<Allocated[]> => {
    const had = await portsOfOne(owner.instanceUuid)
    const abilities = { namesPorts: await namesPorts() }
    return allocatePorts(neutron, owner, requests, { had, abilities, make })
  }
  return {
    async available(caller) {
      const own = { project_id: caller.projectId, shared: 'False' }
      const lists = await Promise.all(
        [own, { shared: 'True' }].map((filter) => networksOf(neutron, filter, caller)),
      )
      const known = new Map(lists.flat().map((network) => [network.id, network]))
      return [...known.values()].map(toNetwork)
    },
    visible: async (caller) => (await networksOf(neutron, {}, caller)).map(toNetwork),
    findNetworks: async (ids, caller) =>
      (await networksOf(neutron, { id: [...ids] }, caller, 'id')).map(toNetwork),
    async findPort(id, caller) {
      const [port] = await neutron.list<NeutronPort>('ports', 'ports', { id }, { token: caller.token })
      return port && toPort(port)
    },
    securityGroups: (caller, filter) => securityGroups(neutron, caller, filter ?? {}),
    portsLeft: (caller) => portsLeft(neutron, caller),
    async allocate(owner, requests) {
      if (requests.length === 0) return []
      const allocated = await portsFor(owner, requests, together).catch((error: unknown) => {
        if (!(error instanceof NotTogether)) throw error
        return portsFor(owner, requests, alone)
      })
      const around = await surroundings(
        neutron,
        allocated.map(({ port }) => port),
        // No address can float to a port that nobody knows yet.
        allocated.filter(({ isNew }) => !isNew).map(({ port }) => port),
      )
      return allocated.map(({ port, request }) =>
        toVif(port, around, { preexisting: request.portId !== null, tag: request.tag }),
      )
    },
    async attach(owner, request) {
      const abilities = { namesPorts: await namesPorts() }
      const [made] = await allocatePorts(neutron, owner, [request], {
        had: [],
        abilities,
        make: alone,
      })
      if (!made) throw new Fault('badGateway', 'The networking service made no port.')
      const around = await surroundings(neutron, [made.port])
      return toVif(made.port, around, { preexisting: request.portId !== null, tag: request.tag })
    },
    detach: (portId, { keep }) => (keep ? unbindPort(neutron, portId) : removePorts(neutron, [portId])),
    async release(instanceUuid, keepPortIds) {
      const ids = (await portsOfOne(instanceUuid)).map((port) => port.id)
      const kept = ids.filter((id) => keepPortIds.includes(id))
      await removePorts(
        neutron,
        ids.filter((id) => !kept.includes(id)),
      )
      await Promise.all(kept.map((id) => unbindPort(neutron, id)))
    },
    vifs: async (instanceUuid) => vifsOf(neutron, await portsOfOne(instanceUuid)),
    async instancesByAddress(part, { token }) {
      if (!(await findsParts())) return undefined
      const filter = { fixed_ips: `ip_address_substr=${part}`, fields: 'device_id' }
      const ports = await neutron.list<Pick<NeutronPort, 'device_id'>>('ports', 'ports', filter, { token })
      return [...new Set(ports.map((port) => port.device_id).filter((id) => id !== ''))]
    },
    ports: async (instanceUuid) => (await portsOfOne(instanceUuid)).map(toPort),
    securityGroupsOf: (instanceUuids) => securityGroupsOf(neutron, instanceUuids),
  }
}

/** Asks when first needed and keeps the answer; a failure is asked again. */
function askOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return async () => {
    answer ??= ask()
    try {
      return await answer
    } catch (error) {
      answer = undefined
      throw error
    }
  }
}

async function hasExtension(neutron: NeutronRequests, alias: string): Promise<boolean> {
  const known = await neutron.list<{ alias: string }>('extensions', 'extensions', {})
  return known.some((extension) => extension.alias === alias)
}

const networksOf = (
  neutron: NeutronRequests,
  filter: Record<string, string | string[]>,
  caller: Caller,
  by?: string,
) =>
  neutron.list<NeutronNetwork>('networks', 'networks', filter, {
    token: caller.token,
    ...(by !== undefined && { by }),
  })

const portsOf = (neutron: NeutronRequests, instanceUuids: readonly string[]) =>
  neutron.list<NeutronPort>('ports', 'ports', { device_id: instanceUuids }, { by: 'device_id' })

async function securityGroups(
  neutron: NeutronRequests,
  caller: Caller,
  filter: { ids?: readonly string[]; names?: readonly string[] },
): Promise<SecurityGroup[]> {
  const options = { token: caller.token }
  const project = { project_id: caller.projectId }
  const list = (more: Record<string, readonly string[]>, by?: string) =>
    neutron.list<NeutronSecurityGroup>(
      'security-groups',
      'security_groups',
      { ...project, ...more },
      { ...options, ...(by !== undefined && { by }) },
    )
  if (!filter.ids && !filter.names) return (await list({})).map(toSecurityGroup)
  const lists = await Promise.all([
    list({ id: filter.ids ?? [] }, 'id'),
    list({ name: filter.names ?? [] }, 'name'),
  ])
  const known = new Map(lists.flat().map((group) => [group.id, group]))
  return [...known.values()].map(toSecurityGroup)
}

async function portsLeft(neutron: NeutronRequests, caller: Caller): Promise<number | undefined> {
  try {
    const answer = await neutron.send('GET', `quotas/${encodeURIComponent(caller.projectId)}/details`, {
      token: caller.token,
    })
    const { port } = answer['quota'] as { port: { limit: number; used: number; reserved: number } }
    return port.limit < 0 ? undefined : Math.max(0, port.limit - port.used - port.reserved)
  } catch (error) {
    // A Neutron without the extension: the port's own create will tell.
    if (isFault(error, 'notFound')) return undefined
    throw error
  }
}

/** The interfaces of ports. Whether a port was there before its server is not known to Neutron: said is no. */
async function vifsOf(neutron: NeutronRequests, ports: readonly NeutronPort[]): Promise<Vif[]> {
  const around = await surroundings(neutron, ports)
  return ports.map((port) => toVif(port, around, { preexisting: false, tag: null }))
}

async function portsByDevice(
  neutron: NeutronRequests,
  instanceUuids: readonly string[],
): Promise<ReadonlyMap<string, NeutronPort[]>> {
  const ports = await portsOf(neutron, instanceUuids)
  return new Map(instanceUuids.map((uuid) => [uuid, ports.filter((port) => port.device_id === uuid)]))
}

async function surroundings(
  neutron: NeutronRequests,
  ports: readonly NeutronPort[],
  mayFloat: readonly NeutronPort[] = ports,
): Promise<Surroundings> {
  const networkIds = [...new Set(ports.map((port) => port.network_id))]
  const [networks, subnets, floatingIps, dhcpPorts] = await Promise.all([
    neutron.list<NeutronNetwork>('networks', 'networks', { id: networkIds }, { by: 'id' }),
    neutron.list<NeutronSubnet>('subnets', 'subnets', { network_id: networkIds }, { by: 'network_id' }),
    neutron.list<NeutronFloatingIp>(
      'floatingips',
      'floatingips',
      { port_id: mayFloat.map((port) => port.id) },
      { by: 'port_id' },
    ),
    neutron.list<NeutronPort>(
      'ports',
      'ports',
      { network_id: networkIds, device_owner: 'network:dhcp' },
      { by: 'network_id' },
    ),
  ])
  return { networks, subnets, floatingIps, dhcpPorts }
}

async function securityGroupsOf(
  neutron: NeutronRequests,
  instanceUuids: readonly string[],
): Promise<ReadonlyMap<string, readonly SecurityGroup[]>> {
  const ports = await portsOf(neutron, instanceUuids)
  const ids = [...new Set(ports.flatMap((port) => port.security_groups ?? []))]
  const groups = await neutron.list<NeutronSecurityGroup>(
    'security-groups',
    'security_groups',
    { id: ids },
    { by: 'id' },
  )
  const byId = new Map(groups.map((group) => [group.id, toSecurityGroup(group)]))
  return new Map(
    instanceUuids.map((uuid) => {
      const own = new Set(
        ports.filter((port) => port.device_id === uuid).flatMap((port) => port.security_groups ?? []),
      )
      return [uuid, [...own].flatMap((id) => byId.get(id) ?? [])]
    }),
  )
}
