/** Routers, their gateways and interfaces. */
import { cidrsOverlap, parseCidr } from '../addresses.ts'
import {
  fixedIps,
  flag,
  type Input,
  orNull,
  readInput,
  shape,
  standardAttributes,
  uuid,
} from '../attributes.ts'
import { refusedBy } from '../caller.ts'
import type { GatewayInfo, NetworkDoc, PortDoc, RouterDoc, SubnetDoc } from '../documents.ts'
import {
  change,
  getOwn,
  invalidInput,
  isOwner,
  type Kind,
  missing,
  newDocument,
  refuse,
  type Work,
} from '../kind.ts'
import { findDoc, insertDoc, listDocs, removeDoc } from '../store.ts'
import type { FixedIpRequest } from './fixed-ips.ts'
import { network } from './network.ts'
import { insertPort } from './insert-port.ts'
import { port } from './port.ts'
import { removePort } from './port-removal.ts'
import { subnet } from './subnet.ts'

export const ROUTER_GATEWAY = 'network:router_gateway'
export const ROUTER_INTERFACE = 'network:router_interface'

const gatewayInfo = shape({
  network_id: uuid,
  'enable_snat?': flag,
  'external_fixed_ips?': fixedIps(),
})

export const router: Kind<'router'> = {
  kind: 'router',
  singular: 'router',
  plural: 'routers',
  path: 'routers',
  missing: (id) => ({ type: 'RouterNotFound', message: `Router ${id} could not be found` }),
  attributes: {
    ...standardAttributes,
    admin_state_up: { check: flag, default: true },
    external_gateway_info: {
      check: orNull((value) => (isEmpty(value) ? null : gatewayInfo(value))),
      default: null,
    },
  },
  async create(work, input) {
    const base = newDocument(work, input)
    await work.checkQuota('router', base.project_id)
    const doc: RouterDoc = {
      ...base,
      admin_state_up: input['admin_state_up'] === true,
      routes: [],
      status: 'ACTIVE',
      ...(await setGateway(work, base.id, input['external_gateway_info'] as GatewayRequest | null)),
    }
    await insertDoc(work.db, 'router', doc)
    return doc
  },
  async update(work, current, changes) {
    const { external_gateway_info: info, ...plain } = changes
    const gateway =
      info === undefined ? {} : await changeGateway(work, current, info as GatewayRequest | null)
    return change(work, 'router', current, { ...(plain as Partial<RouterDoc>), ...gateway })
  },
  async remove(work, current) {
    if ((await interfacesOf(work, current.id)).length > 0)
      throw refuse('RouterInUse', `Router ${current.id} still has ports`)
    await changeGateway(work, current, null)
    await removeDoc(work.db, current.id)
  },
  view: async (_db, docs) =>
    docs.map(({ gw_port_id: _gateway, ...doc }) => ({
      ...doc,
      ha: false,
      distributed: false,
      flavor_id: null,
      availability_zone_hints: [],
      availability_zones: ['nova'],
    })),
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0

interface GatewayRequest {
  readonly network_id: string
  readonly enable_snat?: boolean
  readonly external_fixed_ips?: readonly FixedIpRequest[]
}

type Gateway = Pick<RouterDoc, 'external_gateway_info' | 'gw_port_id'>

async function setGateway(work: Work, routerId: string, request: GatewayRequest | null): Promise<Gateway> {
  if (request === null) return { external_gateway_info: null, gw_port_id: null }
  checkGatewayRights(work, request)
  const parent = await externalNetwork(work, request.network_id)
  const gateway = await insertPort(
    work,
    parent,
    { ...newDocument(work, {}), project_id: '' },
    {
      device_id: routerId,
      device_owner: ROUTER_GATEWAY,
      ...(request.external_fixed_ips && { fixed_ips: request.external_fixed_ips }),
    },
  )
  const info: GatewayInfo = {
    network_id: parent.id,
    enable_snat: request.enable_snat ?? true,
    external_fixed_ips: gateway.fixed_ips,
  }
  return { external_gateway_info: info, gw_port_id: gateway.id }
}

function checkGatewayRights(work: Work, request: GatewayRequest): void {
  if (work.caller.isAdmin) return
  if (request.enable_snat !== undefined) throw refusedBy('update_router:external_gateway_info:enable_snat')
  if (request.external_fixed_ips) throw refusedBy('update_router:external_gateway_info:external_fixed_ips')
}

/** A network that the caller sees and that leads out. Throws 404, or 400 when it is not external. */
export async function externalNetwork(work: Work, id: string): Promise<NetworkDoc> {
  const found = await findDoc(work.db, 'network', id)
  const visible = found && (found['router:external'] || found.shared || isOwner(work.caller, found))
  if (!found || !visible) throw missing(network, id)
  if (!found['router:external'])
    throw invalidInput(`Bad router request: Network ${id} is not an external network.`, 'BadRequest')
  return found
}

async function changeGateway(
  work: Work,
  current: RouterDoc,
  request: GatewayRequest | null,
): Promise<Partial<Gateway>> {
  const info = current.external_gateway_info
  if (info && request && request.network_id === info.network_id && !request.external_fixed_ips) {
    checkGatewayRights(work, request)
    return { external_gateway_info: { ...info, enable_snat: request.enable_snat ?? info.enable_snat } }
  }
  if (info) await refuseFloatingOf(work, current, info.network_id)
  const old = current.gw_port_id === null ? undefined : await findDoc(work.db, 'port', current.gw_port_id)
  if (old) await removePort(work.db, old)
  return setGateway(work, current.id, request)
}

async function refuseFloatingOf(work: Work, current: RouterDoc, networkId: string): Promise<void> {
  const floating = await listDocs(work.db, 'floatingip', { parentIds: [networkId] })
  if (floating.some((ip) => ip.router_id === current.id))
    throw refuse(
      'RouterExternalGatewayInUseByFloatingIp',
      `Gateway cannot be updated for router ${current.id}, since a gateway to external network ${networkId} is required by one or more floating IPs.`,
    )
}

export const interfacesOf = async (work: Pick<Work, 'db'>, routerId: string): Promise<PortDoc[]> =>
  (await listDocs(work.db, 'port', { linkIds: [routerId] })).filter(
    (one) => one.device_owner === ROUTER_INTERFACE,
  )

const interfaceBody = {
  subnet_id: { check: uuid, default: undefined },
  port_id: { check: uuid, default: undefined },
}

/** `PUT /routers/{id}/add_router_interface`. */
export async function addInterface(
  work: Work,
  routerId: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const target = await getOwn(work, router, routerId)
  const { subnet_id, port_id } = oneOf(readInput(interfaceBody, body, 'create'))
  const leg =
    port_id === undefined
      ? await portForSubnet(work, target, String(subnet_id))
      : await adoptPort(work, target, port_id)
  return interfaceView(target, leg)
}

function oneOf(input: Input): { subnet_id?: string; port_id?: string } {
  const { subnet_id, port_id } = input as { subnet_id?: string; port_id?: string }
  if ((subnet_id === undefined) === (port_id === undefined))
    throw invalidInput(
      subnet_id === undefined
        ? 'Bad router request: Either subnet_id or port_id must be specified.'
        : 'Bad router request: Cannot specify both subnet-id and port-id.',
      'BadRequest',
    )
  return { ...(subnet_id !== undefined && { subnet_id }), ...(port_id !== undefined && { port_id }) }
}

async function portForSubnet(work: Work, target: RouterDoc, subnetId: string): Promise<PortDoc> {
  const leg = await findDoc(work.db, 'subnet', subnetId)
  const parent = leg && (await findDoc(work.db, 'network', leg.network_id))
  if (!leg || !parent || !(isOwner(work.caller, parent) || parent.shared)) throw missing(subnet, subnetId)
  if (leg.gateway_ip === null)
    throw invalidInput(
      'Bad router request: Subnet for router interface must have a gateway IP.',
      'BadRequest',
    )
  await refuseSameRange(work, target, [leg])
  return insertPort(
    work,
    parent,
    { ...newDocument(work, {}), project_id: target.project_id },
    {
      device_id: target.id,
      device_owner: ROUTER_INTERFACE,
      fixed_ips: [{ subnet_id: leg.id, ip_address: leg.gateway_ip }],
    },
  )
}

async function adoptPort(work: Work, target: RouterDoc, portId: string): Promise<PortDoc> {
  const leg = await getOwn(work, port, portId)
  if (leg.device_id !== '')
    throw refuse(
      'PortInUse',
      `Unable to complete operation on port ${leg.id} for network ${leg.network_id}. Port already has an attached device ${leg.device_id}.`,
    )
  if (leg.fixed_ips.length === 0)
    throw invalidInput('Bad router request: Router port must have at least one fixed IP.', 'BadRequest')
  const subnets = await listDocs(work.db, 'subnet', { ids: leg.fixed_ips.map((ip) => ip.subnet_id) })
  await refuseSameRange(work, target, subnets)
  return change(work, 'port', leg, { device_id: target.id, device_owner: ROUTER_INTERFACE, status: 'ACTIVE' })
}

async function refuseSameRange(work: Work, target: RouterDoc, added: readonly SubnetDoc[]): Promise<void> {
  const ids = (await interfacesOf(work, target.id)).flatMap((leg) => leg.fixed_ips.map((ip) => ip.subnet_id))
  for (const there of await listDocs(work.db, 'subnet', { ids }))
    for (const fresh of added) {
      if (there.id === fresh.id)
        throw invalidInput(
          `Bad router request: Router already has a port on subnet ${fresh.id}.`,
          'BadRequest',
        )
      const [a, b] = [parseCidr(there.cidr), parseCidr(fresh.cidr)]
      if (a && b && cidrsOverlap(a, b))
        throw invalidInput(
          `Bad router request: Cidr ${fresh.cidr} of subnet ${fresh.id} overlaps with cidr ${there.cidr} of subnet ${there.id}.`,
          'BadRequest',
        )
    }
}

/** `PUT /routers/{id}/remove_router_interface`. */
export async function removeInterface(
  work: Work,
  routerId: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const target = await getOwn(work, router, routerId)
  const { subnet_id, port_id } = readInput(interfaceBody, body, 'create') as {
    subnet_id?: string
    port_id?: string
  }
  if (subnet_id === undefined && port_id === undefined)
    throw invalidInput('Bad router request: Either subnet_id or port_id must be specified.', 'BadRequest')
  const leg = (await interfacesOf(work, target.id)).find(
    (one) =>
      (port_id === undefined || one.id === port_id) &&
      (subnet_id === undefined || one.fixed_ips.some((ip) => ip.subnet_id === subnet_id)),
  )
  if (!leg) throw interfaceMissing(target.id, subnet_id, port_id)
  await refuseFloatingThrough(work, target, leg)
  await removePort(work.db, leg)
  return interfaceView(target, leg)
}

function interfaceMissing(routerId: string, subnetId: string | undefined, portId: string | undefined) {
  if (subnetId === undefined)
    return missing(
      {
        missing: () => ({
          type: 'RouterInterfaceNotFound',
          message: `Router ${routerId} does not have an interface with id ${portId ?? ''}`,
        }),
      },
      routerId,
    )
  return missing(
    {
      missing: () => ({
        type: 'RouterInterfaceNotFoundForSubnet',
        message: `Router ${routerId} has no interface on subnet ${subnetId}`,
      }),
    },
    routerId,
  )
}

async function refuseFloatingThrough(work: Work, target: RouterDoc, leg: PortDoc): Promise<void> {
  const networkId = target.external_gateway_info?.network_id
  if (networkId === undefined) return
  const floating = (await listDocs(work.db, 'floatingip', { parentIds: [networkId] })).filter(
    (ip) => ip.router_id === target.id,
  )
  const users = await listDocs(work.db, 'port', { ids: floating.flatMap((ip) => ip.port_id ?? []) })
  const subnetIds = leg.fixed_ips.map((ip) => ip.subnet_id)
  const used = users.some((user) => user.fixed_ips.some((ip) => subnetIds.includes(ip.subnet_id)))
  if (used)
    throw refuse(
      'RouterInterfaceInUseByFloatingIP',
      `Router interface for subnet ${subnetIds.join(', ')} on router ${target.id} cannot be deleted, as it is required by one or more floating IPs.`,
    )
}

const interfaceView = (target: RouterDoc, leg: PortDoc) => ({
  id: target.id,
  tenant_id: target.project_id,
  port_id: leg.id,
  network_id: leg.network_id,
  subnet_id: leg.fixed_ips[0]?.subnet_id ?? null,
  subnet_ids: leg.fixed_ips.map((ip) => ip.subnet_id),
})
