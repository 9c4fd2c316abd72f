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

export function networkData(vifs: readonly Vif[]): object {
  const links = vifs.map((vif) => ({
    id: vif.devname,
    vif_id: vif.id,
    type: vif.type === 'bridge' ? 'bridge' : 'phy',
    mtu: vif.network.mtu,
    ethernet_mac_address: vif.macAddress,
  }))
  const addresses = vifs.flatMap((vif) => vif.fixedIps.map((ip) => ({ vif, ip })))
  const networks = addresses.map(({ vif, ip }, index) => ({
    id: `network${index}`,
    link: vif.devname,
    network_id: vif.network.id,
    ...(ip.dhcpServer === null ? addressed(ip) : { type: `ipv${ip.version}_dhcp` }),
  }))
  const servers = new Set(addresses.flatMap(({ ip }) => ip.dns))
  return { links, networks, services: dnsServices([...servers]) }
}

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
