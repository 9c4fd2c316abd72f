/** Hosts whose address is in the network around the address that the request names. */
import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { are, type Filter } from './filter.ts'

const DEFAULT_CIDR = '/24'

const textOf = (hints: RequestSpec['schedulerHints'], name: string): string | undefined => {
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined
  return typeof hint === 'string' && hint !== '' ? hint : undefined
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** `/24`, or for IPv4 also `/255.255.255.0`. */
function prefixOf(cidr: string, longest: number): number | undefined {
  const text = cidr.slice(1)
  if (/^\d{1,3}$/.test(text)) return Number(text) <= longest ? Number(text) : undefined
  if (longest !== 32 || isIP(text) !== 4) return undefined
  return ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask() ?? undefined
}

function networkAround(address: string, cidr: string): BlockList | undefined {
  if (isIP(address) === 0) return undefined
  const family = familyOf(address)
  const prefix = prefixOf(cidr, family === 'ipv6' ? 128 : 32)
  if (prefix === undefined) return undefined
  const network = new BlockList()
  network.addSubnet(address, prefix, family)
  return network
}

export const simpleCidrAffinity: Filter = {
  name: 'SimpleCIDRAffinityFilter',
  judge({ spec: { schedulerHints } }) {
    const address = textOf(schedulerHints, 'build_near_host_ip')
    if (address === undefined) return undefined
    const cidr = textOf(schedulerHints, 'cidr') ?? DEFAULT_CIDR
    const network = networkAround(address, cidr)
    if (!network) return () => `${address}${cidr}, which was asked for, is no network`
    return ({ node: { hostIp } }) =>
      isIP(hostIp) !== 0 && network.check(hostIp, familyOf(hostIp))
        ? undefined
        : `has the address ${hostIp}, which is not in ${address}${cidr}`
  },
  tell: (count) => `${are(count)} not in the network that was asked for`,
}
