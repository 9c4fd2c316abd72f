/** What should be on this machine for what is stored: bridges, namespaces, legs, addresses, servers. Pure. */
import { cidrsOverlap, parseCidr } from '../addresses.ts'
import type { FixedIpDoc, NetworkDoc, PortDoc, RouterDoc, SubnetDoc } from '../documents.ts'
import { type DhcpServer, dhcpServer } from './dhcp-files.ts'
import { dhcpName, insideName, type Names, outsideName } from './names.ts'
import type { PlaneState } from './port.ts'
import { routerRuleset } from './router-rules.ts'

export const METADATA_ADDRESS = '169.254.169.254'

/** A veth: one end in a bridge, the other in a namespace. */
export interface Leg {
  readonly root: string
  readonly bridge: string
  readonly inner: string
  readonly mac: string
  /** With prefix length. */
  readonly addresses: readonly string[]
  readonly mtu: number
}

export interface Route {
  /** `default` or a range. */
  readonly to: string
  readonly via: string
  readonly device: string
}

export interface Space {
  readonly name: string
  readonly legs: readonly Leg[]
  /** Addresses of the namespace's own, on `lo`. */
  readonly loopback: readonly string[]
  readonly routes: readonly Route[]
  /** Null for a namespace that forwards nothing. */
  readonly ruleset: string | null
  /** The networks that need it. */
  readonly networkIds: readonly string[]
}

/** This machine's own leg in an external network. */
export interface HostLeg {
  readonly networkId: string
  readonly name: string
  readonly peer: string
  readonly bridge: string
  readonly mtu: number
  readonly addresses: readonly string[]
  /** Ranges of the subnets. */
  readonly ranges: readonly string[]
  readonly routes: readonly Route[]
}

/** Where guests find the metadata service, and what tells them apart there. */
export interface MetadataDoor {
  readonly space: string
  readonly by: 'network' | 'router'
  readonly id: string
}

export interface Plan {
  readonly bridges: readonly { readonly networkId: string; readonly name: string; readonly mtu: number }[]
  readonly spaces: readonly Space[]
  readonly hostLegs: readonly HostLeg[]
  readonly dhcp: readonly DhcpServer[]
  readonly doors: readonly MetadataDoor[]
  /** Guests' ports on these networks. */
  readonly guestPorts: readonly PortDoc[]
}

export interface PlanInput {
  readonly state: PlaneState
  readonly names: Names
  /** Networks that are up already: they stay up until they are removed. */
  readonly upNetworkIds: ReadonlySet<string>
}

const isGuests = (port: PortDoc): boolean => !port.device_owner.startsWith('network:')

export function planOf({ state, names, upNetworkIds }: PlanInput): Plan {
  const index = indexOf(state)
  const used = new Set(
    state.ports
      .filter((port) => isGuests(port) && port['binding:host_id'] !== '')
      .map((port) => port.network_id),
  )
  const served = state.networks.filter((network) => used.has(network.id) || upNetworkIds.has(network.id))
  const servedIds = new Set(served.map((network) => network.id))
  const routers = state.routers.filter((router) =>
    index.legsOf(router).some((leg) => servedIds.has(leg.network_id)),
  )
  const legNetworks = routers.flatMap((router) =>
    [...index.legsOf(router), ...index.gatewayOf(router)].map((leg) => leg.network_id),
  )
  const upIds = new Set([...servedIds, ...legNetworks])
  const up = state.networks.filter((network) => upIds.has(network.id))
  const dhcpSpaces = served.flatMap((network) => dhcpSpace(network, index, names))
  const routerSpaces = routers.map((router) => routerSpace(router, index, names, state))
  return {
    bridges: up.map((network) => ({
      networkId: network.id,
      name: names.bridge(network.id),
      mtu: network.mtu,
    })),
    spaces: [...dhcpSpaces, ...routerSpaces],
    hostLegs: up
      .filter((network) => network['router:external'])
      .map((network) => hostLeg(network, index, names, routers, state)),
    dhcp: served.flatMap((network) => {
      const server = index.dhcpPortOf(network.id)
      return server ? [dhcpServer(network, server, index.subnetsOf(network.id), state.ports, names)] : []
    }),
    doors: [
      ...dhcpSpaces.map((space) => ({
        space: space.name,
        by: 'network' as const,
        id: space.networkIds[0] ?? '',
      })),
      ...routers.map((router) => ({
        space: names.routerSpace(router.id),
        by: 'router' as const,
        id: router.id,
      })),
    ],
    guestPorts: state.ports.filter((port) => isGuests(port) && upIds.has(port.network_id)),
  }
}

type Index = ReturnType<typeof indexOf>

function indexOf(state: PlaneState) {
  const subnets = new Map(state.subnets.map((subnet) => [subnet.id, subnet]))
  const networks = new Map(state.networks.map((network) => [network.id, network]))
  const ports = new Map(state.ports.map((port) => [port.id, port]))
  return {
    networks,
    subnetsOf: (networkId: string) => state.subnets.filter((subnet) => subnet.network_id === networkId),
    dhcpPortOf: (networkId: string) =>
      state.ports.find((port) => port.network_id === networkId && port.device_owner === 'network:dhcp'),
    legsOf: (router: RouterDoc) =>
      state.ports.filter(
        (port) => port.device_owner === 'network:router_interface' && port.device_id === router.id,
      ),
    gatewayOf: (router: RouterDoc) =>
      [ports.get(router.gw_port_id ?? '')].filter((port) => port !== undefined),
    /** An address with its subnet's prefix length. */
    withPrefix: (ip: FixedIpDoc): string[] => {
      const prefix = parseCidr(subnets.get(ip.subnet_id)?.cidr ?? '')?.prefix
      return prefix === undefined ? [] : [`${ip.ip_address}/${prefix}`]
    },
    subnet: (id: string): SubnetDoc | undefined => subnets.get(id),
  }
}

const isV4 = (text: string): boolean => !text.includes(':')

function dhcpSpace(network: NetworkDoc, index: Index, names: Names): Space[] {
  const server = index.dhcpPortOf(network.id)
  if (!server) return []
  const inner = dhcpName(network.id)
  const addresses = server.fixed_ips.flatMap(index.withPrefix).filter(isV4)
  // The way out is for forwarded DNS questions.
  const gateway = server.fixed_ips
    .map((ip) => index.subnet(ip.subnet_id)?.gateway_ip)
    .find((ip) => ip != null && isV4(ip))
  return [
    {
      name: names.dhcpSpace(network.id),
      legs: [
        {
          root: names.dhcpLeg(network.id),
          bridge: names.bridge(network.id),
          inner,
          mac: server.mac_address,
          addresses: [...addresses, `${METADATA_ADDRESS}/32`],
          mtu: network.mtu,
        },
      ],
      loopback: [],
      routes: gateway == null ? [] : [{ to: 'default', via: gateway, device: inner }],
      ruleset: null,
      networkIds: [network.id],
    },
  ]
}

function routerSpace(router: RouterDoc, index: Index, names: Names, state: PlaneState): Space {
  const [gateway] = index.gatewayOf(router)
  const inside = index.legsOf(router)
  const floatingIps = state.floatingIps.filter((ip) => ip.router_id === router.id)
  const legOf = (port: PortDoc, inner: string, more: readonly string[]): Leg => ({
    root: names.routerLeg(port.id),
    bridge: names.bridge(port.network_id),
    inner,
    mac: port.mac_address,
    addresses: [...port.fixed_ips.flatMap(index.withPrefix).filter(isV4), ...more],
    mtu: index.networks.get(port.network_id)?.mtu ?? 1500,
  })
  const ownAddress = gateway?.fixed_ips.map((ip) => ip.ip_address).find(isV4) ?? null
  const nextHop = gateway?.fixed_ips
    .map((ip) => index.subnet(ip.subnet_id)?.gateway_ip)
    .find((ip) => ip != null && isV4(ip))
  return {
    name: names.routerSpace(router.id),
    legs: router.admin_state_up
      ? [
          ...inside.map((port) => legOf(port, insideName(port.id), [])),
          ...(gateway
            ? [
                legOf(
                  gateway,
                  outsideName(gateway.id),
                  floatingIps.map((ip) => `${ip.floating_ip_address}/32`),
                ),
              ]
            : []),
        ]
      : [],
    loopback: [`${METADATA_ADDRESS}/32`],
    routes:
      gateway && nextHop != null && router.admin_state_up
        ? [{ to: 'default', via: nextHop, device: outsideName(gateway.id) }]
        : [],
    ruleset: routerRuleset({
      outside: gateway ? { device: outsideName(gateway.id), address: ownAddress } : null,
      enableSnat: router.external_gateway_info?.enable_snat === true,
      insideRanges: inside.flatMap((port) => rangesOf(port, index)),
      floatingIps,
    }),
    networkIds: [...inside, ...(gateway ? [gateway] : [])].map((port) => port.network_id),
  }
}

const rangesOf = (port: PortDoc, index: Index): string[] =>
  port.fixed_ips.flatMap((ip) => index.subnet(ip.subnet_id)?.cidr ?? []).filter(isV4)

function hostLeg(
  network: NetworkDoc,
  index: Index,
  names: Names,
  routers: readonly RouterDoc[],
  state: PlaneState,
): HostLeg {
  const subnets = index.subnetsOf(network.id).filter((subnet) => subnet.ip_version === 4)
  const name = names.hostLeg(network.id)
  return {
    networkId: network.id,
    name,
    peer: names.hostPeer(network.id),
    bridge: names.bridge(network.id),
    mtu: network.mtu,
    addresses: subnets.flatMap((subnet) =>
      subnet.gateway_ip === null
        ? []
        : index.withPrefix({ subnet_id: subnet.id, ip_address: subnet.gateway_ip }),
    ),
    ranges: subnets.map((subnet) => subnet.cidr),
    routes: routers.flatMap((router) => hostRoutes(router, network.id, index, state, name)),
  }
}

const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].flatMap(
  (range) => parseCidr(range) ?? [],
)

/**
 * This machine's routes to the first project network: guests there are reached by their fixed IPs. Only
 * private ranges, for whoever may add a subnet there must not take over the machine's way to others.
 */
function hostRoutes(
  router: RouterDoc,
  externalId: string,
  index: Index,
  state: PlaneState,
  device: string,
): Route[] {
  const [gateway] = index.gatewayOf(router)
  const via =
    gateway?.network_id === externalId ? gateway.fixed_ips.map((ip) => ip.ip_address).find(isV4) : undefined
  if (via === undefined) return []
  const ranges = index
    .legsOf(router)
    .filter((port) => port.network_id === state.hostRoutedNetworkId)
    .flatMap((port) => rangesOf(port, index))
  return ranges.filter(isPrivate).map((range) => ({ to: range, via, device }))
}

function isPrivate(range: string): boolean {
  const cidr = parseCidr(range)
  return (
    cidr !== undefined && PRIVATE_RANGES.some((one) => cidrsOverlap(one, cidr) && cidr.prefix >= one.prefix)
  )
}
