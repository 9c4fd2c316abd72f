/** The port of a network's DHCP and metadata server: made when the network's first guest port is bound. */
import type { NetworkDoc } from '../documents.ts'
import { change, newDocument, type Work } from '../kind.ts'
import { listDocs } from '../store.ts'
import { claimFixedIps } from './fixed-ips.ts'
import { insertPort } from './insert-port.ts'

export const DHCP_OWNER = 'network:dhcp'

/** Sees that the server has an address on each IPv4 subnet that wants DHCP. */
export async function ensureDhcpPort(work: Work, network: NetworkDoc): Promise<void> {
  if (!work.plane.serves) return
  const subnets = (await listDocs(work.db, 'subnet', { parentIds: [network.id] })).filter(
    (subnet) => subnet.enable_dhcp && subnet.ip_version === 4,
  )
  if (subnets.length === 0) return
  const deviceId = `dhcp-${network.id}`
  const existing = (await listDocs(work.db, 'port', { linkIds: [deviceId] }))[0]
  const lacking = subnets.filter((subnet) => !existing?.fixed_ips.some((ip) => ip.subnet_id === subnet.id))
  if (lacking.length === 0) return
  const requests = lacking.map((subnet) => ({ subnet_id: subnet.id }))
  if (!existing) {
    const base = { ...newDocument(work, {}), project_id: network.project_id }
    await insertPort(work, network, base, {
      device_id: deviceId,
      device_owner: DHCP_OWNER,
      fixed_ips: requests,
      port_security_enabled: false,
    })
    return
  }
  const added = await claimFixedIps(work, network, existing, requests)
  await change(work, 'port', existing, { fixed_ips: [...existing.fixed_ips, ...added] })
}
