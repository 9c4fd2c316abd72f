/** The resources as they are stored: Neutron's own attribute names, so that a document is nearly its own view. */

export interface Stored {
  readonly id: string
  readonly project_id: string
  readonly name: string
  /** Null for what Neutron itself makes beside something else. */
  readonly description: string | null
  readonly tags: readonly string[]
  readonly revision_number: number
  /** ISO 8601, seconds, `Z`. */
  readonly created_at: string
  readonly updated_at: string
}

export interface NetworkDoc extends Stored {
  readonly admin_state_up: boolean
  readonly shared: boolean
  readonly 'router:external': boolean
  readonly is_default: boolean
  readonly mtu: number
  readonly port_security_enabled: boolean
  readonly dns_domain: string
  readonly status: 'ACTIVE'
}

export interface AllocationPool {
  readonly start: string
  readonly end: string
}

export interface HostRoute {
  readonly destination: string
  readonly nexthop: string
}

export interface SubnetDoc extends Stored {
  readonly network_id: string
  readonly ip_version: 4 | 6
  readonly cidr: string
  readonly gateway_ip: string | null
  readonly enable_dhcp: boolean
  readonly allocation_pools: readonly AllocationPool[]
  readonly dns_nameservers: readonly string[]
  readonly host_routes: readonly HostRoute[]
  readonly ipv6_ra_mode: string | null
  readonly ipv6_address_mode: string | null
}

export interface FixedIpDoc {
  readonly subnet_id: string
  readonly ip_address: string
}

export interface AddressPair {
  readonly ip_address: string
  readonly mac_address: string
}

export interface PortDoc extends Stored {
  readonly network_id: string
  readonly admin_state_up: boolean
  readonly mac_address: string
  readonly fixed_ips: readonly FixedIpDoc[]
  readonly device_id: string
  readonly device_owner: string
  readonly security_groups: readonly string[]
  readonly allowed_address_pairs: readonly AddressPair[]
  readonly port_security_enabled: boolean
  readonly dns_name: string
  readonly status: 'ACTIVE' | 'DOWN'
  readonly 'binding:host_id': string
  readonly 'binding:vnic_type': string
  readonly 'binding:profile': Readonly<Record<string, unknown>>
  readonly 'binding:vif_type': string
  readonly 'binding:vif_details': Readonly<Record<string, unknown>>
}

export interface GatewayInfo {
  readonly network_id: string
  readonly enable_snat: boolean
  readonly external_fixed_ips: readonly FixedIpDoc[]
}

export interface RouterDoc extends Stored {
  readonly admin_state_up: boolean
  readonly external_gateway_info: GatewayInfo | null
  readonly gw_port_id: string | null
  readonly routes: readonly HostRoute[]
  readonly status: 'ACTIVE'
}

export interface FloatingIpDoc extends Stored {
  readonly floating_network_id: string
  readonly floating_ip_address: string
  readonly floating_port_id: string
  readonly port_id: string | null
  readonly fixed_ip_address: string | null
  readonly router_id: string | null
  readonly status: 'ACTIVE' | 'DOWN'
}

export interface SecurityGroupDoc extends Stored {
  readonly stateful: boolean
}

export interface SecurityGroupRuleDoc extends Stored {
  readonly security_group_id: string
  readonly direction: 'ingress' | 'egress'
  readonly ethertype: 'IPv4' | 'IPv6'
  readonly protocol: string | null
  readonly port_range_min: number | null
  readonly port_range_max: number | null
  readonly remote_ip_prefix: string | null
  readonly remote_group_id: string | null
}

export interface Documents {
  network: NetworkDoc
  subnet: SubnetDoc
  port: PortDoc
  router: RouterDoc
  floatingip: FloatingIpDoc
  security_group: SecurityGroupDoc
  security_group_rule: SecurityGroupRuleDoc
}

/** What a kind has beside what all have. */
export type OwnFields<D extends Stored> = Omit<D, keyof Stored>

export type KindName = keyof Documents

/** The columns under which a document is found. */
export interface SearchColumns {
  readonly parent_id: string | null
  readonly link_id: string | null
  readonly openness: number
}

const SEARCH: { readonly [K in KindName]: (doc: Documents[K]) => Partial<SearchColumns> } = {
  network: (doc) => ({ openness: doc.shared ? 2 : doc['router:external'] ? 1 : 0 }),
  subnet: (doc) => ({ parent_id: doc.network_id }),
  port: (doc) => ({ parent_id: doc.network_id, link_id: doc.device_id === '' ? null : doc.device_id }),
  router: () => ({}),
  floatingip: (doc) => ({ parent_id: doc.floating_network_id, link_id: doc.port_id }),
  security_group: () => ({}),
  security_group_rule: (doc) => ({ parent_id: doc.security_group_id }),
}

/** All there are. */
export const KINDS = Object.keys(SEARCH) as readonly KindName[]

export function searchColumns<K extends KindName>(kind: K, doc: Documents[K]): SearchColumns {
  return { parent_id: null, link_id: null, openness: 0, ...SEARCH[kind](doc) }
}
