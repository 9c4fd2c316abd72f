/** What Neutron answers, as far as it is read, and how it becomes ours. */
import type { FixedIp, Vif } from '#model/network/index.ts'
import type { Network, Port, SecurityGroup } from './port.ts'

export interface NeutronNetwork {
  readonly id: string
  readonly name: string
  readonly project_id: string
  readonly shared: boolean
  readonly 'router:external'?: boolean
  readonly subnets: readonly string[]
  readonly mtu?: number
}

export interface NeutronPort {
  readonly id: string
  readonly network_id: string
  readonly project_id: string
  readonly mac_address: string
  readonly fixed_ips: readonly { readonly subnet_id: string; readonly ip_address: string }[]
  readonly device_id: string
  readonly device_owner: string
  readonly status: string
  readonly security_groups?: readonly string[]
  readonly 'binding:host_id'?: string
  readonly 'binding:vif_type'?: string
  readonly 'binding:vif_details'?: Readonly<Record<string, unknown>>
  readonly 'binding:vnic_type'?: string
}

export interface NeutronSubnet {
  readonly id: string
  readonly network_id: string
  readonly cidr: string
  readonly ip_version: 4 | 6
  readonly gateway_ip: string | null
  readonly dns_nameservers: readonly string[]
  readonly host_routes: readonly { readonly destination: string; readonly nexthop: string }[]
}

export interface NeutronFloatingIp {
  readonly port_id: string | null
  readonly fixed_ip_address: string | null
  readonly floating_ip_address: string
}

export interface NeutronSecurityGroup {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly project_id: string
  readonly security_group_rules?: readonly Readonly<Record<string, unknown>>[]
}

export const toNetwork = (network: NeutronNetwork): Network => ({
  id: network.id,
  name: network.name,
  projectId: network.project_id,
  shared: network.shared,
  external: network['router:external'] === true,
  subnetIds: network.subnets,
  mtu: network.mtu ?? null,
})

export const toPort = (port: NeutronPort): Port => ({
  id: port.id,
  networkId: port.network_id,
  projectId: port.project_id,
  macAddress: port.mac_address,
  fixedIps: port.fixed_ips.map((ip) => ({ subnetId: ip.subnet_id, ipAddress: ip.ip_address })),
  deviceId: port.device_id,
  deviceOwner: port.device_owner,
  status: port.status,
  securityGroupIds: port.security_groups ?? [],
  bindingHost: port['binding:host_id'] || null,
  vifType: port['binding:vif_type'] ?? 'unbound',
  vnicType: port['binding:vnic_type'] ?? 'normal',
})

export const toSecurityGroup = (group: NeutronSecurityGroup): SecurityGroup => ({
  id: group.id,
  name: group.name,
  description: group.description,
  projectId: group.project_id,
  rules: group.security_group_rules ?? [],
})

/** What is around some ports. */
export interface Surroundings {
  readonly networks: readonly NeutronNetwork[]
  readonly subnets: readonly NeutronSubnet[]
  readonly floatingIps: readonly NeutronFloatingIp[]
  readonly dhcpPorts: readonly NeutronPort[]
}

/** Linux takes 15 characters for an interface's name; Neutron and Nova agree on the first 14. */
const DEVNAME_LENGTH = 14

export function toVif(
  port: NeutronPort,
  around: Surroundings,
  own: { preexisting: boolean; tag: string | null },
): Vif {
  const network = around.networks.find((one) => one.id === port.network_id)
  return {
    id: port.id,
    macAddress: port.mac_address,
    network: { id: port.network_id, label: network?.name ?? '', mtu: network?.mtu ?? null },
    fixedIps: port.fixed_ips.flatMap((ip) => fixedIpOf(port, ip, around)),
    type: port['binding:vif_type'] ?? 'unbound',
    vnicType: port['binding:vnic_type'] ?? 'normal',
    devname: `tap${port.id}`.slice(0, DEVNAME_LENGTH),
    details: port['binding:vif_details'] ?? {},
    active: port.status === 'ACTIVE',
    ...own,
  }
}

function fixedIpOf(port: NeutronPort, ip: NeutronPort['fixed_ips'][number], around: Surroundings): FixedIp[] {
  const subnet = around.subnets.find((one) => one.id === ip.subnet_id)
  if (!subnet) return []
  const server = around.dhcpPorts.flatMap((one) => one.fixed_ips).find((one) => one.subnet_id === subnet.id)
  return [
    {
      address: ip.ip_address,
      version: subnet.ip_version,
      subnetId: subnet.id,
      cidr: subnet.cidr,
      gateway: subnet.gateway_ip,
      dns: subnet.dns_nameservers,
      routes: subnet.host_routes.map((route) => ({ cidr: route.destination, gateway: route.nexthop })),
      dhcpServer: server?.ip_address ?? null,
      floatingIps: around.floatingIps
        .filter((one) => one.port_id === port.id && one.fixed_ip_address === ip.ip_address)
        .map((one) => one.floating_ip_address),
    },
  ]
}
