/** A network's DHCP and DNS server as dnsmasq takes it: arguments, and the files it reads again on a signal. */
import { parseCidr, formatIp, netmask } from '../addresses.ts'
import type { NetworkDoc, PortDoc, SubnetDoc } from '../documents.ts'
import { DNS_DOMAIN } from '../kinds/port.ts'
import { dhcpName, type Names } from './names.ts'

export interface DhcpServer {
  readonly networkId: string
  readonly space: string
  /** Without the files and the upstream servers, which the plane adds. */
  readonly args: readonly string[]
  /** A line for every address that may be leased: nobody else is answered. */
  readonly hosts: readonly string[]
  readonly options: readonly string[]
  /** Names that DNS knows. */
  readonly names: readonly string[]
}

const LEASE_SECONDS = 86_400
const METADATA = '169.254.169.254/32'

export function dhcpServer(
  network: NetworkDoc,
  server: PortDoc,
  subnets: readonly SubnetDoc[],
  ports: readonly PortDoc[],
  names: Names,
): DhcpServer {
  const served = subnets.filter(
    (subnet) =>
      subnet.enable_dhcp &&
      subnet.ip_version === 4 &&
      server.fixed_ips.some((ip) => ip.subnet_id === subnet.id),
  )
  const leases = ports
    .filter((port) => port.network_id === network.id && port.id !== server.id)
    .flatMap((port) =>
      port.fixed_ips
        .filter((ip) => served.some((subnet) => subnet.id === ip.subnet_id))
        .map((ip) => ({ mac: port.mac_address, ip: ip.ip_address, name: nameOf(port, ip.ip_address) })),
    )
  return {
    networkId: network.id,
    space: names.dhcpSpace(network.id),
    args: [
      '--keep-in-foreground',
      '--no-hosts',
      '--no-resolv',
      '--pid-file',
      '--leasefile-ro',
      '--no-ping',
      '--dhcp-authoritative',
      '--bind-dynamic',
      `--interface=${dhcpName(network.id)}`,
      '--except-interface=lo',
      '--cache-size=150',
      '--domain-needed',
      `--domain=${DNS_DOMAIN}`,
      `--local=/${DNS_DOMAIN}/`,
      '--expand-hosts',
      '--log-facility=-',
      '--quiet-dhcp',
      `--dhcp-option-force=option:mtu,${network.mtu}`,
      ...served.map((subnet) => `--dhcp-range=set:${tagOf(subnet)},${rangeArgs(subnet)},${LEASE_SECONDS}s`),
    ],
    hosts: leases.map(({ mac, ip, name }) => `${mac},${ip},${name}`),
    options: served.flatMap((subnet) => optionsOf(subnet, server)),
    names: leases.map(({ ip, name }) => `${ip}\t${name}`),
  }
}

const tagOf = (subnet: SubnetDoc): string => `subnet-${subnet.id}`

/** `dns_name` holds letters, digits and dashes only: it was checked when it was sent. */
const nameOf = (port: PortDoc, ip: string): string =>
  port.dns_name === '' ? `host-${ip.replaceAll('.', '-')}` : port.dns_name

function rangeArgs(subnet: SubnetDoc): string {
  const range = parseCidr(subnet.cidr)
  if (!range) throw new Error(`subnet ${subnet.id} has no range: ${subnet.cidr}`)
  return `${formatIp({ version: 4, value: range.first })},static,${netmask(range.prefix)}`
}

function optionsOf(subnet: SubnetDoc, server: PortDoc): string[] {
  const own = server.fixed_ips.find((ip) => ip.subnet_id === subnet.id)?.ip_address ?? ''
  const routes = subnet.host_routes
    .filter((route) => !route.destination.includes(':'))
    .map((route) => `${route.destination},${route.nexthop}`)
  const way = [
    ...routes,
    `${METADATA},${own}`,
    ...(subnet.gateway_ip === null ? [] : [`0.0.0.0/0,${subnet.gateway_ip}`]),
  ].join(',')
  const dns = subnet.dns_nameservers.filter((address) => !address.includes(':'))
  const tag = `tag:${tagOf(subnet)}`
  return [
    `${tag},option:dns-server,${(dns.length > 0 ? dns : [own]).join(',')}`,
    `${tag},option:classless-static-route,${way}`,
    // Windows' own number for the same.
    `${tag},249,${way}`,
    subnet.gateway_ip === null ? `${tag},option:router` : `${tag},option:router,${subnet.gateway_ip}`,
  ]
}
