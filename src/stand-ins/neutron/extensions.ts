/** The API extensions that this Neutron has: clients look here before they send what older ones lack. */

export interface Extension {
  readonly alias: string
  readonly name: string
  readonly description: string
  readonly updated: string
  readonly links: readonly never[]
}

const EXTENSIONS: readonly (readonly [alias: string, name: string])[] = [
  ['address-scope', 'Address scope'],
  ['agent', 'agent'],
  ['allowed-address-pairs', 'Allowed Address Pairs'],
  ['availability_zone', 'Availability Zone'],
  ['binding', 'Port Binding'],
  ['default-subnetpools', 'Default Subnetpools'],
  ['dns-integration', 'DNS Integration'],
  ['ext-gw-mode', 'Neutron L3 Configurable external gateway mode'],
  ['external-net', 'Neutron external network'],
  ['fip-port-details', 'Floating IP Port Details Extension'],
  ['ip-substring-filtering', 'IP address substring filtering'],
  ['net-mtu', 'Network MTU'],
  ['net-mtu-writable', 'Network MTU (writable)'],
  ['network_availability_zone', 'Network Availability Zone'],
  ['network-ip-availability', 'Network IP Availability'],
  ['pagination', 'Pagination support'],
  ['port-security', 'Port Security'],
  ['project-id', 'project_id field enabled'],
  ['provider', 'Provider Network'],
  ['quota_details', 'Quota details management support'],
  ['quotas', 'Quota management support'],
  ['router', 'Neutron L3 Router'],
  ['router_availability_zone', 'Router Availability Zone'],
  ['security-group', 'security-group'],
  ['service-type', 'Neutron Service Type Management'],
  ['sorting', 'Sorting support'],
  ['standard-attr-description', 'standard-attr-description'],
  ['standard-attr-revisions', 'Resource revision numbers'],
  ['standard-attr-tag', 'Tag support for resources with standard attribute'],
  ['standard-attr-timestamp', 'Resource timestamps'],
  ['subnet_allocation', 'Subnet Allocation'],
]

const UPDATED = '2016-01-01T10:00:00-00:00'

export const extensions: readonly Extension[] = EXTENSIONS.map(([alias, name]) => ({
  alias,
  name,
  description: name,
  updated: UPDATED,
  links: [],
}))
