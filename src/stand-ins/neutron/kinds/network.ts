/** Networks. */
import { flag, type Input, integer, standardAttributes, text } from '../attributes.ts'
import { refusedBy } from '../caller.ts'
import type { NetworkDoc, OwnFields } from '../documents.ts'
import { change, type Kind, newDocument, refuse } from '../kind.ts'
import { insertDoc, listDocs, removeDoc } from '../store.ts'
import { removePort } from './port-removal.ts'

const DEFAULT_MTU = 1500
const MIN_MTU = 68
const MAX_MTU = 9000

export const network: Kind<'network'> = {
  kind: 'network',
  singular: 'network',
  plural: 'networks',
  path: 'networks',
  missing: (id) => ({ type: 'NetworkNotFound', message: `Network ${id} could not be found.` }),
  attributes: {
    ...standardAttributes,
    admin_state_up: { check: flag, default: true },
    shared: { check: flag, default: false, admin: 'set' },
    'router:external': { check: flag, default: false, admin: 'set' },
    is_default: { check: flag, default: false, admin: 'set' },
    mtu: { check: integer(MIN_MTU, MAX_MTU), default: DEFAULT_MTU },
    port_security_enabled: { check: flag, default: true },
    dns_domain: { check: text(255), default: '' },
  },
  async create(work, input) {
    const doc: NetworkDoc = { ...newDocument(work, input), ...settings(input), status: 'ACTIVE' }
    await work.checkQuota('network', doc.project_id)
    await insertDoc(work.db, 'network', doc)
    return doc
  },
  async update(work, current, changes) {
    if (!work.caller.isAdmin && current.project_id !== work.caller.projectId)
      throw refusedBy('update_network')
    if (current.shared && changes['shared'] === false) await refuseForeignPorts(work.db, current)
    return change(work, 'network', current, changes as Partial<NetworkDoc>)
  },
  async remove(work, current) {
    if (!work.caller.isAdmin && current.project_id !== work.caller.projectId)
      throw refusedBy('delete_network')
    const ports = await listDocs(work.db, 'port', { parentIds: [current.id] })
    if (ports.some((port) => port.device_owner !== 'network:dhcp'))
      throw refuse(
        'NetworkInUse',
        `Unable to complete operation on network ${current.id}. There are one or more ports still in use on the network.`,
      )
    for (const port of ports) await removePort(work.db, port)
    for (const subnet of await listDocs(work.db, 'subnet', { parentIds: [current.id] }))
      await removeDoc(work.db, subnet.id)
    await removeDoc(work.db, current.id)
  },
  async view(db, docs) {
    const subnets = await listDocs(db, 'subnet', { parentIds: docs.map((doc) => doc.id) })
    return docs.map((doc) => {
      const own = subnets.filter((subnet) => subnet.network_id === doc.id)
      return {
        ...doc,
        subnets: own.map((subnet) => subnet.id),
        availability_zone_hints: [],
        // Those of the DHCP agents that serve it.
        availability_zones: own.some((subnet) => subnet.enable_dhcp) ? ['nova'] : [],
        ipv4_address_scope: null,
        ipv6_address_scope: null,
        'provider:network_type': 'local',
        'provider:physical_network': null,
        'provider:segmentation_id': null,
      }
    })
  },
}

function settings(input: Input): OwnFields<NetworkDoc> {
  const { name: _name, description: _description, project_id: _project, ...rest } = input
  return rest as unknown as OwnFields<NetworkDoc>
}

async function refuseForeignPorts(db: Parameters<typeof listDocs>[0], current: NetworkDoc): Promise<void> {
  const ports = await listDocs(db, 'port', { parentIds: [current.id] })
  const own = (projectId: string) => projectId === current.project_id || projectId === ''
  if (ports.every((port) => own(port.project_id))) return
  throw refuse(
    'InvalidSharedSetting',
    `Unable to reconfigure sharing settings for network ${current.id}. Multiple tenants are using it.`,
  )
}
