/** Floating IPs: an address of an external network, and the port it leads to through a router. */
import { type Input, ipAddress, orNull, standardAttributes, text, uuid, textIn } from '../attributes.ts'
import { refusedBy } from '../caller.ts'
import type { FloatingIpDoc, PortDoc } from '../documents.ts'
import { change, getOwn, invalidInput, type Kind, missing, newDocument, refuse, type Work } from '../kind.ts'
import { findDoc, insertDoc, listDocs, type NeutronDb, removeDoc } from '../store.ts'
import { insertPort } from './insert-port.ts'
import { port } from './port.ts'
import { removePort } from './port-removal.ts'
import { externalNetwork, ROUTER_INTERFACE } from './router.ts'

export const floatingIp: Kind<'floatingip'> = {
  kind: 'floatingip',
  singular: 'floatingip',
  plural: 'floatingips',
  path: 'floatingips',
  missing: (id) => ({ type: 'FloatingIPNotFound', message: `Floating IP ${id} could not be found` }),
  searchable: { floating_network_id: 'parentIds', port_id: 'linkIds' },
  attributes: {
    description: { check: text(255), default: '' },
    project_id: { check: text(255), default: undefined, update: false },
    floating_network_id: { check: uuid, update: false },
    floating_ip_address: { check: orNull(ipAddress), default: undefined, update: false },
    subnet_id: { check: orNull(uuid), default: undefined, update: false },
    port_id: { check: orNull(uuid), default: null },
    fixed_ip_address: { check: orNull(ipAddress), default: undefined },
    dns_name: { check: standardAttributes['name']?.check ?? uuid, default: undefined },
    dns_domain: { check: standardAttributes['name']?.check ?? uuid, default: undefined },
  },
  async create(work, input) {
    const parent = await externalNetwork(work, textIn(input, 'floating_network_id'))
    const asked = input['floating_ip_address'] as string | null | undefined
    if (asked != null && !work.caller.isAdmin) throw refusedBy('create_floatingip:floating_ip_address')
    const base = newDocument(work, input)
    await work.checkQuota('floatingip', base.project_id)
    const holder = await insertPort(
      work,
      parent,
      { ...newDocument(work, {}), project_id: '' },
      {
        device_id: base.id,
        device_owner: 'network:floatingip',
        fixed_ips: await requestFor(
          work,
          parent.id,
          asked ?? undefined,
          input['subnet_id'] as string | null | undefined,
        ),
      },
    )
    const doc: FloatingIpDoc = {
      ...base,
      floating_network_id: parent.id,
      floating_ip_address: holder.fixed_ips[0]?.ip_address ?? '',
      floating_port_id: holder.id,
      ...(await association(work, parent.id, base.id, input)),
    }
    await insertDoc(work.db, 'floatingip', doc)
    touch(work, doc)
    return doc
  },
  async update(work, current, changes) {
    const { port_id, fixed_ip_address, dns_name: _name, dns_domain: _domain, ...plain } = changes
    const moves = port_id !== undefined || fixed_ip_address !== undefined
    const target = moves
      ? await association(work, current.floating_network_id, current.id, {
          port_id: port_id ?? null,
          fixed_ip_address,
        })
      : {}
    const changed = await change(work, 'floatingip', current, {
      ...(plain as Partial<FloatingIpDoc>),
      ...target,
    })
    if (moves) touch(work, current, changed)
    return changed
  },
  async remove(work, current) {
    const holder = await findDoc(work.db, 'port', current.floating_port_id)
    if (holder) await removePort(work.db, holder)
    await removeDoc(work.db, current.id)
    touch(work, current)
  },
  view: viewFloatingIps,
}

function touch(work: Work, ...docs: readonly FloatingIpDoc[]): void {
  for (const portId of new Set(docs.flatMap((doc) => doc.port_id ?? []))) work.touchPort(portId)
}

async function viewFloatingIps(
  db: NeutronDb,
  docs: readonly FloatingIpDoc[],
): Promise<Record<string, unknown>[]> {
  const ports = await listDocs(db, 'port', { ids: docs.flatMap((doc) => doc.port_id ?? []) })
  return docs.map(({ name: _name, floating_port_id: _holder, ...doc }) => {
    const target = ports.find((one) => one.id === doc.port_id)
    return {
      ...doc,
      dns_name: '',
      dns_domain: '',
      qos_policy_id: null,
      port_forwardings: [],
      port_details: target ? detailsOf(target) : null,
    }
  })
}

const detailsOf = (target: PortDoc) => ({
  name: target.name,
  network_id: target.network_id,
  mac_address: target.mac_address,
  admin_state_up: target.admin_state_up,
  status: target.status,
  device_id: target.device_id,
  device_owner: target.device_owner,
})

/** IPv4, from any of the external network's subnets unless one is named. */
async function requestFor(
  work: Work,
  networkId: string,
  address: string | undefined,
  subnetId: string | null | undefined,
) {
  const subnets = (await listDocs(work.db, 'subnet', { parentIds: [networkId] })).filter(
    (one) => one.ip_version === 4,
  )
  const chosen = subnetId == null ? subnets[0] : subnets.find((one) => one.id === subnetId)
  if (!chosen)
    throw invalidInput(
      `Bad floatingip request: Network ${networkId} does not contain any IPv4 subnet.`,
      'BadRequest',
    )
  if (address !== undefined)
    return [{ ip_address: address, ...(subnetId != null && { subnet_id: subnetId }) }]
  return [{ subnet_id: chosen.id }]
}

type Association = Pick<FloatingIpDoc, 'port_id' | 'fixed_ip_address' | 'router_id' | 'status'>

async function association(
  work: Work,
  networkId: string,
  floatingId: string,
  input: Input,
): Promise<Association> {
  const portId = input['port_id'] as string | null
  const asked = input['fixed_ip_address'] as string | null | undefined
  if (portId === null) {
    if (asked != null)
      throw invalidInput(
        'Bad floatingip request: fixed_ip_address cannot be specified without a port_id.',
        'BadRequest',
      )
    return { port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' }
  }
  const target = await getOwn(work, port, portId)
  const fixed =
    asked == null
      ? target.fixed_ips.find((ip) => !ip.ip_address.includes(':'))
      : target.fixed_ips.find((ip) => ip.ip_address === asked)
  if (!fixed)
    throw invalidInput(
      `Bad floatingip request: Port ${portId} does not have fixed ip ${asked ?? 'address of version 4'}.`,
      'BadRequest',
    )
  const others = await listDocs(work.db, 'floatingip', { linkIds: [portId] })
  if (others.some((one) => one.id !== floatingId && one.fixed_ip_address === fixed.ip_address))
    throw refuse(
      'FloatingIPPortAlreadyAssociated',
      `Cannot associate floating IP with port ${portId} using fixed IP ${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${networkId}.`,
    )
  const router_id = await routerBetween(work, fixed.subnet_id, networkId)
  if (router_id === undefined)
    throw missing(
      {
        missing: () => ({
          type: 'ExternalGatewayForFloatingIPNotFound',
          message: `External network ${networkId} is not reachable from subnet ${fixed.subnet_id}.  Therefore, cannot associate Port ${portId} with a Floating IP.`,
        }),
      },
      portId,
    )
  return { port_id: portId, fixed_ip_address: fixed.ip_address, router_id, status: 'ACTIVE' }
}

async function routerBetween(work: Work, subnetId: string, networkId: string): Promise<string | undefined> {
  const subnet = await findDoc(work.db, 'subnet', subnetId)
  const legs = (await listDocs(work.db, 'port', { parentIds: [subnet?.network_id ?? ''] })).filter(
    (one) => one.device_owner === ROUTER_INTERFACE && one.fixed_ips.some((ip) => ip.subnet_id === subnetId),
  )
  const routers = await listDocs(work.db, 'router', { ids: legs.map((leg) => leg.device_id) })
  return routers.find((one) => one.external_gateway_info?.network_id === networkId)?.id
}
