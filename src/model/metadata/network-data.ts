/** network_data.json: links, networks and name servers, as cloud-init reads them. */
import ipaddr from 'ipaddr.js'
import type { FixedIp, Vif } from '#model/network/index.ts'

const netmask = (cidr: string): string => {
  const [address, prefix] = ipaddr.parseCIDR(cidr)
  if (address.kind() === 'ipv4') return ipaddr.IPv4.subnetMaskFromPrefixLength(prefix).toString()
  return ipaddr.IPv6.subnetMaskFromPrefixLength(prefix).toString()
}

const networkOf = (cidr: string): { network: string; netmask: string } => ({
  network: cidr.split('/')[0] ?? '',
  netmask: netmask(cidr),
})

const dnsServices = (addresses: readonly string[]) => addresses.map((address) => ({ type: 'dns', address }))

/** VIF types that are named as they are; guests know any other as a physical one. */
const NAMED_TYPES = new Set(['bridge', 'dvs', 'hw_veb', 'hyperv', 'ovs', 'tap', 'vhostuser', 'vif'])

/** Interfaces without an address are left out: there is nothing to set up. */
export function networkData(vifs: readonly Vif[]): object {
  const wired = vifs.filter((vif) => vif.fixedIps.length > 0)
  const addresses = wired.flatMap((vif) => shownIps(vif).map((ip) => ({ vif, ip })))
  const networks = addresses.map(({ vif, ip }, index) => ({
    id: `network${index}`,
    link: vif.devname,
    network_id: vif.network.id,
    ...(ip.dhcpServer === null ? addressed(ip) : { type: `ipv${ip.version}_dhcp` }),
  }))
  const servers = new Set(addresses.flatMap(({ ip }) => ip.dns))
  return { links: wired.map(linkOf), networks, services: dnsServices([...servers]) }
}

const linkOf = (vif: Vif) => ({
  id: vif.devname,
  vif_id: vif.id,
  type: NAMED_TYPES.has(vif.type) ? vif.type : 'phy',
  // A DHCP server tells the MTU itself.
  mtu: vif.fixedIps.some((ip) => ip.dhcpServer !== null) ? null : vif.network.mtu,
  ethernet_mac_address: vif.macAddress,
})

/** The first IPv4 address, and every IPv6 one. */
const shownIps = ({ fixedIps }: Vif): FixedIp[] => [
  ...fixedIps.filter((ip) => ip.version === 4).slice(0, 1),
  ...fixedIps.filter((ip) => ip.version === 6),
]

/** An address that the guest must give itself. */
const addressed = (ip: FixedIp) => ({
  type: `ipv${ip.version}`,
  ip_address: ip.address,
  netmask: netmask(ip.cidr),
  routes: [
    ...(ip.gateway === null
      ? []
      : [{ ...networkOf(ip.version === 4 ? '0.0.0.0/0' : '::/0'), gateway: ip.gateway }]),
    ...ip.routes.map(({ cidr, gateway }) => ({ ...networkOf(cidr), gateway })),
  ],
  services: dnsServices(ip.dns),
})
