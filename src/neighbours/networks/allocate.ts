/** Giving an instance its ports: made or taken over, bound to its host, all of them or none. */
import { conflict, Fault, isFault, notFound } from '#lib/fault.ts'
import { withUndo } from '#lib/undo.ts'
import type { MakePorts } from './make-ports.ts'
import type { NeutronPort } from './neutron-documents.ts'
import type { PortOwner, PortRequest } from './port.ts'
import type { NeutronRequests } from './requests.ts'

/** What this Neutron knows beyond the core API. */
export interface Abilities {
  /** Ports may carry a name for DNS. */
  readonly namesPorts: boolean
}

/** A port, and the request it answers. */
export interface Allocated {
  readonly port: NeutronPort
  readonly request: PortRequest
  /** It was not there before. */
  readonly isNew: boolean
}

export interface AllocateOptions {
  /** The ports that the instance has already, of an earlier try. */
  readonly had: readonly NeutronPort[]
  readonly abilities: Abilities
  readonly make: MakePorts
}

export async function allocatePorts(
  neutron: NeutronRequests,
  owner: PortOwner,
  requests: readonly PortRequest[],
  { had, abilities, make }: AllocateOptions,
): Promise<Allocated[]> {
  const matched = matchExisting(requests, had)
  const binding = bindingOf(owner, abilities)
  return withUndo(async (undo) => {
    const ports = new Map<PortRequest, NeutronPort>()
    for (const [request, port] of matched) ports.set(request, await rebind(neutron, owner, binding, port))
    const fresh = requests.filter((request) => !ports.has(request) && request.portId === null)
    const made = await createPorts(make, owner, binding, fresh)
    undo(() =>
      removePorts(
        neutron,
        made.map((port) => port.id),
      ),
    )
    fresh.forEach((request, i) => made[i] && ports.set(request, made[i]))
    for (const request of requests) {
      if (ports.has(request) || request.portId === null) continue
      const before = await freePort(neutron, owner, request.portId)
      undo(() => unbindPort(neutron, before.id))
      ports.set(request, await updatePort(neutron, before.id, binding))
    }
    return requests.map((request) => ({
      request,
      port: boundPort(ports.get(request), request),
      isNew: fresh.includes(request),
    }))
  })
}

/** Ports of an earlier, interrupted try. Each answers one request at most. */
function matchExisting(
  requests: readonly PortRequest[],
  had: readonly NeutronPort[],
): Map<PortRequest, NeutronPort> {
  const left = new Set(had)
  const matched = new Map<PortRequest, NeutronPort>()
  // Ports asked for by their id or address first, so that none of them is given to a request that takes any.
  const order = [...requests].sort((a, b) => precision(b) - precision(a))
  for (const request of order) {
    const port = [...left].find((one) => answers(one, request))
    if (!port) continue
    left.delete(port)
    matched.set(request, port)
  }
  return matched
}

const precision = (request: PortRequest): number =>
  (request.portId === null ? 0 : 2) + (request.fixedIp === null ? 0 : 1)

function answers(port: NeutronPort, request: PortRequest): boolean {
  if (request.portId !== null) return port.id === request.portId
  if (port.network_id !== request.networkId) return false
  return request.fixedIp === null || port.fixed_ips.some((ip) => ip.ip_address === request.fixedIp)
}

async function createPorts(
  make: MakePorts,
  owner: PortOwner,
  binding: Binding,
  requests: readonly PortRequest[],
): Promise<NeutronPort[]> {
  if (requests.length === 0) return []
  const ports = requests.map((request) => ({
    network_id: request.networkId,
    project_id: owner.projectId,
    admin_state_up: true,
    ...binding,
    ...(request.fixedIp !== null && { fixed_ips: [{ ip_address: request.fixedIp }] }),
    ...(request.securityGroupIds.length > 0 && { security_groups: request.securityGroupIds }),
  }))
  return make(owner.instanceUuid, ports)
}

type Binding = Readonly<Record<string, string>>

const bindingOf = (owner: PortOwner, abilities: Abilities): Binding => ({
  device_id: owner.instanceUuid,
  device_owner: `compute:${owner.availabilityZone}`,
  'binding:host_id': owner.host,
  ...(abilities.namesPorts && { dns_name: owner.hostname }),
})

async function updatePort(
  neutron: NeutronRequests,
  id: string,
  port: Readonly<Record<string, unknown>>,
): Promise<NeutronPort> {
  return (await neutron.send('PUT', `ports/${id}`, { json: { port } }))['port'] as NeutronPort
}

async function rebind(
  neutron: NeutronRequests,
  owner: PortOwner,
  binding: Binding,
  port: NeutronPort,
): Promise<NeutronPort> {
  const bound = port['binding:host_id'] === owner.host && isBound(port)
  return bound ? port : updatePort(neutron, port.id, binding)
}

const isBound = (port: NeutronPort): boolean =>
  !['unbound', 'binding_failed'].includes(port['binding:vif_type'] ?? 'unbound')

async function freePort(neutron: NeutronRequests, owner: PortOwner, id: string): Promise<NeutronPort> {
  const [port] = await neutron.list<NeutronPort>('ports', 'ports', { id })
  if (!port) throw notFound(`Port id ${id} could not be found.`, { code: 'PortNotFound' })
  if (port.device_id !== '' && port.device_id !== owner.instanceUuid)
    throw conflict(`Port ${id} is still in use.`, { code: 'PortInUse' })
  return port
}

function boundPort(port: NeutronPort | undefined, request: PortRequest): NeutronPort {
  if (!port)
    throw new Fault('badGateway', `The networking service made no port on network ${request.networkId}.`)
  if (isBound(port)) return port
  throw new Fault(
    'badGateway',
    `Binding failed for port ${port.id}, please check neutron logs for more information.`,
    { code: 'PortBindingFailed' },
  )
}

/** Removes ports; those already gone are no failure. */
export async function removePorts(neutron: NeutronRequests, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => unlessGone(neutron.send('DELETE', `ports/${id}`))))
}

/** Lets go of a port that was there before its server. */
export async function unbindPort(neutron: NeutronRequests, id: string): Promise<void> {
  const port = { device_id: '', device_owner: '', 'binding:host_id': '', 'binding:profile': {} }
  await unlessGone(updatePort(neutron, id, port))
}

async function unlessGone(request: Promise<unknown>): Promise<void> {
  try {
    await request
  } catch (error) {
    if (!isFault(error, 'notFound')) throw error
  }
}
