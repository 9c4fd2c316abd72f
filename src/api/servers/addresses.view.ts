/** A server's addresses by network, as its interfaces were last seen. */
import type { FixedIp, Vif } from '#model/network/index.ts'

interface Address {
  readonly version: number
  readonly addr: string
  readonly 'OS-EXT-IPS:type'?: 'fixed' | 'floating'
  readonly 'OS-EXT-IPS-MAC:mac_addr'?: string
}

/** `brief`: version and address alone, as `/servers/{id}/ips` has them. */
export function addressesOf(vifs: readonly Vif[], detail: 'brief' | 'full'): Record<string, Address[]> {
  const networks = new Map<string, { fixed: Address[]; floating: Address[] }>()
  for (const vif of vifs) {
    const { label } = vif.network
    const network = networks.get(label) ?? { fixed: [], floating: [] }
    networks.set(label, network)
    for (const ip of vif.fixedIps) {
      network.fixed.push(address(ip.address, ip, vif, 'fixed', detail))
      for (const floating of ip.floatingIps)
        network.floating.push(address(floating, ip, vif, 'floating', detail))
    }
  }
  return Object.fromEntries(
    [...networks].map(([label, { fixed, floating }]) => [label, [...fixed, ...floating]]),
  )
}

function address(
  addr: string,
  ip: FixedIp,
  vif: Vif,
  type: 'fixed' | 'floating',
  detail: 'brief' | 'full',
): Address {
  const basic = { version: ip.version, addr }
  return detail === 'brief'
    ? basic
    : { ...basic, 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': vif.macAddress }
}
