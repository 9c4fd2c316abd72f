/** One security group rule as the nft expression that its packets match. */
import type { SecurityGroupRuleDoc } from '../documents.ts'
import { protocolNumber } from '../kinds/security-group-rule.ts'

type SetName = (groupId: string, version: 4 | 6) => string

/** nft's names of the protocols that have ports. */
const WITH_PORTS: Readonly<Record<number, string>> = {
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  132: 'sctp',
  136: 'udplite',
}
const ICMP: Readonly<Record<number, string>> = { 1: 'icmp', 58: 'icmpv6' }
const ICMP_V6 = 58

export function matchOf(rule: SecurityGroupRuleDoc, setName: SetName): string {
  const version = rule.ethertype === 'IPv4' ? 4 : 6
  const protocol = protocolNumber(rule.protocol)
  // Neutron takes `icmp` in an IPv6 rule for ICMPv6.
  const number = version === 6 && protocol === 1 ? ICMP_V6 : protocol
  return [
    `meta nfproto ipv${version}`,
    remoteOf(rule, version, setName),
    number === null ? '' : protocolOf(rule, number),
  ]
    .filter((part) => part !== '')
    .join(' ')
}

function remoteOf(rule: SecurityGroupRuleDoc, version: 4 | 6, setName: SetName): string {
  const side = `${version === 4 ? 'ip' : 'ip6'} ${rule.direction === 'ingress' ? 'saddr' : 'daddr'}`
  if (rule.remote_group_id !== null) return `${side} @${setName(rule.remote_group_id, version)}`
  if (rule.remote_ip_prefix === null || rule.remote_ip_prefix.endsWith('/0')) return ''
  return `${side} ${rule.remote_ip_prefix}`
}

function protocolOf(rule: SecurityGroupRuleDoc, number: number): string {
  const { port_range_min: min, port_range_max: max } = rule
  const icmp = ICMP[number]
  if (icmp !== undefined && min !== null)
    return `${icmp} type ${min}${max === null ? '' : ` ${icmp} code ${max}`}`
  const ported = WITH_PORTS[number]
  if (ported !== undefined && min !== null && max !== null && !(min === 1 && max === 65_535))
    return `${ported} dport ${min}-${max}`
  return `meta l4proto ${number}`
}
