/** The interfaces a server is to have, out of what the caller asked and what its project has. */
import type { Call, Services } from '#api/kernel/index.ts'
import { badRequest, conflict, forbidden } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import type { Caller, Network, PortRequest } from '#neighbours/networks/port.ts'

export interface NetworkWish {
  readonly uuid?: string | undefined
  readonly port?: string | null | undefined
  readonly fixed_ip?: string | undefined
  readonly tag?: string | undefined
}

/** Undefined: the caller said nothing, which means whatever network its project has. */
export type NetworksWish = readonly NetworkWish[] | 'auto' | 'none' | undefined

interface Asking {
  readonly call: Call<unknown, unknown, never>
  readonly networks: Services['networks']
  readonly caller: Caller
  readonly securityGroupIds: readonly string[]
  /** How many servers are asked for. */
  readonly count: number
}

/** What can be said without asking Neutron. */
export function checkNetworksWish(wish: NetworksWish, count: number): void {
  if (!Array.isArray(wish)) return
  for (const { uuid, port, fixed_ip: address } of wish as readonly NetworkWish[]) {
    if (port != null && address !== undefined) {
      const both = 'the two cannot be specified together.'
      throw badRequest(`Specified Fixed IP '${address}' cannot be used with port '${port}': ${both}`)
    }
    if (port == null && uuid === undefined) throw badRequest("Bad network format: missing 'uuid'")
    if (port == null && uuid !== undefined && !isUuidLike(uuid))
      throw badRequest(`Bad networks format: network uuid is not in proper format (${uuid})`)
    if (count > 1 && port != null) {
      const one = 'Please launch your instance one by one with different ports.'
      throw badRequest(`Unable to launch multiple instances with a single configured port ID. ${one}`)
    }
    if (count > 1 && address !== undefined)
      throw badRequest('Invalid fixed IP: max_count must be 1 if a fixed IP is specified.')
  }
}

/** The interfaces to make or take over, in the order asked for. Throws in Nova's words. */
export async function resolveNetworks(wish: NetworksWish, asking: Asking): Promise<PortRequest[]> {
  if (wish === 'none') return []
  const asked = Array.isArray(wish) ? (wish as readonly NetworkWish[]) : []
  const requests = asked.length > 0 ? await resolveAsked(asked, asking) : await chooseNetwork(wish, asking)
  const created = requests.filter(({ portId }) => portId === null).length * asking.count
  const left = created > 0 ? await asking.networks.portsLeft(asking.caller) : undefined
  if (left !== undefined && created > left) throw forbidden('Maximum number of ports exceeded')
  return requests
}

/** The one network there is. Several are ambiguous; none is fine unless one was asked for. */
async function chooseNetwork(wish: NetworksWish, asking: Asking): Promise<PortRequest[]> {
  const available = await asking.networks.available(asking.caller)
  const [network] = available
  if (!network) {
    if (wish !== 'auto') return []
    throw badRequest(`Unable to automatically allocate a network for project ${asking.caller.projectId}`)
  }
  if (available.length > 1)
    throw conflict('Multiple possible networks found, use a Network ID to be more specific.')
  checkUsable(network, asking)
  return [requestOf(network.id, {}, asking)]
}

async function resolveAsked(asked: readonly NetworkWish[], asking: Asking): Promise<PortRequest[]> {
  const ids = [
    ...new Set(asked.flatMap(({ uuid, port }) => (port == null && uuid !== undefined ? [uuid] : []))),
  ]
  const networks = ids.length > 0 ? await asking.networks.findNetworks(ids, asking.caller) : []
  const known = new Map(networks.map((network) => [network.id, network]))
  const requests: PortRequest[] = []
  for (const one of asked) {
    if (one.port != null) {
      requests.push(await takePort(one.port, one.tag, asking))
      continue
    }
    const network = known.get(one.uuid ?? '')
    if (!network) throw badRequest(`Network ${one.uuid} could not be found.`)
    checkUsable(network, asking)
    requests.push(requestOf(network.id, one, asking))
  }
  return requests
}

async function takePort(
  id: string,
  tag: string | undefined,
  { networks, caller }: Asking,
): Promise<PortRequest> {
  const port = await networks.findPort(id, caller)
  if (!port) throw badRequest(`Port id ${id} could not be found.`)
  if (port.deviceId !== '') throw conflict(`Port ${id} is still in use.`)
  if (port.fixedIps.length === 0) throw badRequest(`Port ${id} requires a FixedIP in order to be used.`)
  return { networkId: port.networkId, portId: id, fixedIp: null, securityGroupIds: [], tag: tag ?? null }
}

function checkUsable(network: Network, { call }: Asking): void {
  if (network.external && !network.shared && !call.may('network:attach_external_network')) {
    const refusal = 'It is not allowed to create an interface on external network'
    throw forbidden(`${refusal} ${network.id}`)
  }
  if (network.subnetIds.length === 0)
    throw badRequest(`Network ${network.id} requires a subnet in order to boot instances on.`)
}

const requestOf = (
  networkId: string,
  { fixed_ip: fixedIp, tag }: NetworkWish,
  { securityGroupIds }: Asking,
): PortRequest => ({ networkId, portId: null, fixedIp: fixedIp ?? null, securityGroupIds, tag: tag ?? null })
