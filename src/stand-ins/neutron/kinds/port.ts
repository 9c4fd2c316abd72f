/** Ports: their addresses, owners, groups, and where they are bound. */
import {
  fixedIps,
  addressOrCidr,
  type Attributes,
  choice,
  dnsName,
  flag,
  freeObject,
  idSet,
  type Input,
  listOf,
  mac,
  orNull,
  shape,
  standardAttributes,
  text,
  uuid,
  textIn,
} from '../attributes.ts'
import { refusedBy } from '../caller.ts'
import type { FixedIpDoc, NetworkDoc, PortDoc } from '../documents.ts'
import { change, invalidInput, isOwner, type Kind, missing, newDocument, refuse, type Work } from '../kind.ts'
import { findDoc, unclaim } from '../store.ts'
import { claimFixedIps, type FixedIpRequest, unclaimFixedIps } from './fixed-ips.ts'
import { ensureDhcpPort } from './dhcp-port.ts'
import { checkSecurity, claimMac, groupsFor, insertPort, pairs } from './insert-port.ts'
import { network } from './network.ts'
import { removePort } from './port-removal.ts'
import { groupUse } from './security-group.ts'

const VNIC_TYPES = [
  'normal',
  'direct',
  'macvtap',
  'direct-physical',
  'baremetal',
  'virtio-forwarder',
  'vdpa',
  'remote-managed',
  'smart-nic',
]
const text255 = text(255)

const attributes: Attributes = {
  ...standardAttributes,
  network_id: { check: uuid, update: false },
  admin_state_up: { check: flag, default: true },
  mac_address: { check: mac, default: undefined },
  fixed_ips: {
    check: orNull(fixedIps(20)),
    default: undefined,
  },
  device_id: { check: text255, default: '' },
  device_owner: { check: text255, default: '' },
  security_groups: { check: orNull(idSet), default: undefined },
  allowed_address_pairs: {
    check: listOf(shape({ ip_address: addressOrCidr, 'mac_address?': mac }), 10),
    default: [],
  },
  port_security_enabled: { check: flag, default: undefined },
  dns_name: { check: dnsName, default: '' },
  'binding:host_id': { check: orNull(text255), default: '', admin: 'see' },
  'binding:vnic_type': { check: choice(...VNIC_TYPES), default: 'normal' },
  'binding:profile': { check: orNull(freeObject), default: {}, admin: 'see' },
}

export const port: Kind<'port'> = {
  kind: 'port',
  singular: 'port',
  plural: 'ports',
  path: 'ports',
  missing: (id) => ({ type: 'PortNotFound', message: `Port ${id} could not be found.` }),
  searchable: { network_id: 'parentIds', device_id: 'linkIds' },
  attributes,
  async create(work, input) {
    const parent = await networkFor(work, input)
    if (!isOwner(work.caller, parent)) checkForeignNetwork(input, 'create_port')
    const base = newDocument(work, input)
    await work.checkQuota('port', base.project_id)
    if (isBinding(input)) await ensureDhcpPort(work, parent)
    return insertPort(work, parent, base, input)
  },
  async update(work, current, changes) {
    const parent = await findDoc(work.db, 'network', current.network_id)
    if (!isOwner(work.caller, current) && !(parent && isOwner(work.caller, parent)))
      throw refusedBy('update_port')
    if (!(parent && isOwner(work.caller, parent))) checkForeignNetwork(changes, 'update_port', current)
    if (parent && isBinding(changes)) await ensureDhcpPort(work, parent)
    return updatePort(work, current, changes)
  },
  async remove(work, current) {
    const parent = await findDoc(work.db, 'network', current.network_id)
    if (!isOwner(work.caller, current) && !(parent && isOwner(work.caller, parent)))
      throw refusedBy('delete_port')
    if (/^network:(router_|floatingip)/.test(current.device_owner))
      throw refuse(
        'ServicePortInUse',
        `Port ${current.id} cannot be deleted directly via the port API: has device owner ${current.device_owner}.`,
      )
    await removePort(work.db, current)
  },
  view: async (_db, docs) => docs.map(viewPort),
}

const isBinding = (input: Input): boolean => Boolean(input['binding:host_id'])

function viewPort(doc: PortDoc): Record<string, unknown> {
  const { dns_name, ...shown } = doc
  const names = doc.fixed_ips.map(({ ip_address }) => {
    const hostname = dns_name === '' ? `host-${ip_address.replaceAll(/[.:]/g, '-')}` : dns_name
    return { ip_address, hostname, fqdn: `${hostname}.${DNS_DOMAIN}.` }
  })
  return {
    ...shown,
    dns_name,
    dns_assignment: names,
    extra_dhcp_opts: [],
    qos_policy_id: null,
    resource_request: null,
  }
}

/** The domain of guests' names in DNS. */
export const DNS_DOMAIN = 'openstacklocal'

async function networkFor(work: Work, input: Input): Promise<NetworkDoc> {
  const id = textIn(input, 'network_id')
  const parent = await findDoc(work.db, 'network', id)
  const visible = parent && (isOwner(work.caller, parent) || parent.shared || parent['router:external'])
  if (!parent || !visible) throw missing(network, id)
  if (!isOwner(work.caller, parent) && !parent.shared) throw refusedBy('create_port')
  return parent
}

/** What only a network's owner may choose for a port on it: others could take over their neighbours' addresses. */
function checkForeignNetwork(input: Input, action: string, current?: PortDoc): void {
  if (input['mac_address'] !== undefined && input['mac_address'] !== current?.mac_address)
    throw refusedBy(`${action}:mac_address`)
  if (input['port_security_enabled'] === false) throw refusedBy(`${action}:port_security_enabled`)
  if (((input['allowed_address_pairs'] as unknown[] | undefined) ?? []).length > 0)
    throw refusedBy(`${action}:allowed_address_pairs`)
  if (textIn(input, 'device_owner').startsWith('network:')) throw refusedBy(`${action}:device_owner`)
  const withAddress = (input['fixed_ips'] as FixedIpRequest[] | undefined)?.some(
    (ip) => ip.ip_address !== undefined,
  )
  if (withAddress === true && current) throw refusedBy(`${action}:fixed_ips`)
}

async function updatePort(work: Work, current: PortDoc, changes: Input): Promise<PortDoc> {
  const { fixed_ips, mac_address, security_groups, allowed_address_pairs, ...plain } = changes
  const update: Record<string, unknown> = { ...plain }
  if (typeof mac_address === 'string' && mac_address !== current.mac_address) {
    if (current['binding:host_id'] !== '')
      throw refuse(
        'PortBound',
        `Unable to complete operation on port ${current.id}, port is already bound, port type: ${current['binding:vif_type']}, old_mac ${current.mac_address}, new_mac ${mac_address}.`,
      )
    await claimMac(work, current.network_id, current.id, mac_address)
    await unclaim(work.db, `mac:${current.network_id}`, current.mac_address, current.id)
    update['mac_address'] = mac_address
  }
  if (fixed_ips !== undefined)
    update['fixed_ips'] = await moveFixedIps(work, current, (fixed_ips ?? []) as FixedIpRequest[])
  if (security_groups !== undefined) {
    for (const id of current.security_groups) await unclaim(work.db, groupUse(id), current.id, current.id)
    update['security_groups'] = await groupsFor(
      work,
      { security_groups: security_groups ?? [] },
      current.project_id,
      false,
      current.id,
    )
  }
  if (allowed_address_pairs !== undefined)
    update['allowed_address_pairs'] = pairs(allowed_address_pairs, current.mac_address)
  const rebound = rebind(current, changes)
  checkSecurity({ ...current, ...update, ...rebound })
  return change(work, 'port', current, { ...update, ...rebound })
}

/** A new host, or none, undoes the binding; it is bound again when the change is committed. */
function rebind(current: PortDoc, changes: Input): Partial<PortDoc> {
  if (changes['binding:host_id'] === undefined) return {}
  const host = (changes['binding:host_id'] as string | null) ?? ''
  if (host === current['binding:host_id'] && current['binding:vif_type'] !== 'binding_failed')
    return { 'binding:host_id': host }
  return { 'binding:host_id': host, 'binding:vif_type': 'unbound', 'binding:vif_details': {}, status: 'DOWN' }
}

async function moveFixedIps(
  work: Work,
  current: PortDoc,
  wanted: readonly FixedIpRequest[],
): Promise<FixedIpDoc[]> {
  const kept = current.fixed_ips.filter((ip) =>
    wanted.some(
      (one) => one.ip_address === ip.ip_address && (one.subnet_id ?? ip.subnet_id) === ip.subnet_id,
    ),
  )
  const gone = current.fixed_ips.filter((ip) => !kept.includes(ip))
  if (gone.some((ip) => ip.ip_address !== '') && current.device_owner.startsWith('network:router_'))
    throw invalidInput(
      `Invalid input for operation: the addresses of router port ${current.id} are changed through its router.`,
    )
  await unclaimFixedIps(work, current.id, gone)
  const fresh = wanted.filter((one) => !kept.some((ip) => ip.ip_address === one.ip_address))
  return [...kept, ...(await claimFixedIps(work, { id: current.network_id }, current, fresh))]
}
