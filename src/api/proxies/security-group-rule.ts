/** A rule as nova-network's clients ask for it, checked in Nova's words, as Neutron takes it. */
import { isIPv4, isIPv6 } from 'node:net'
import { badRequest } from '#lib/fault.ts'

export interface RuleWish {
  readonly parent_group_id: string
  readonly group_id?: string | null | undefined
  readonly ip_protocol?: unknown
  readonly from_port?: unknown
  readonly to_port?: unknown
  readonly cidr?: unknown
}

const PROTOCOLS: ReadonlySet<string> = new Set(['ICMP', 'ICMPV6', 'TCP', 'UDP'])
const MAX_PORT = 65_535
const MAX_ICMP = 255

/** Neutron's body. Throws Nova's 400s. */
export function neutronRuleOf(wish: RuleWish): Readonly<Record<string, unknown>> {
  const network = wish.group_id ? undefined : networkOf(wish.cidr)
  const protocol = protocolOf(wish)
  const isV6 = network?.includes(':') === true || protocol === 'ICMPV6'
  const ports = protocol === undefined ? undefined : portsOf(wish, protocol)
  return {
    security_group_id: wish.parent_group_id,
    direction: 'ingress',
    ethertype: isV6 ? 'IPv6' : 'IPv4',
    ...(protocol !== undefined && { protocol: protocol.toLowerCase() }),
    ...(ports && ports.from !== -1 && { port_range_min: ports.from }),
    ...(ports && ports.to !== -1 && { port_range_max: ports.to }),
    ...(wish.group_id ? { remote_group_id: wish.group_id } : { remote_ip_prefix: network }),
  }
}

/** Anywhere when nothing is said. */
function networkOf(cidr: unknown): string {
  if (cidr === undefined || cidr === null || cidr === '') return '0.0.0.0/0'
  const text = typeof cidr === 'string' ? cidr : JSON.stringify(cidr)
  const [address = '', bits] = text.split('/')
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  if (most < 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)))
    throw badRequest(`${text.slice(0, 64)} is not a valid IP network.`)
  return bits === undefined ? `${address}/${most}` : text
}

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ''

function protocolOf({ ip_protocol: told, from_port: from, to_port: to, group_id: group }: RuleWish) {
  if (isMissing(told)) {
    // Of everything, from a group: only then is nothing more to be said.
    if (group && isMissing(from) && isMissing(to)) return undefined
    throw badRequest(
      isMissing(from) && isMissing(to)
        ? 'Not enough parameters to build a valid rule.'
        : 'Invalid IP protocol None.',
    )
  }
  const protocol = (typeof told === 'string' ? told : JSON.stringify(told)).toUpperCase()
  if (!PROTOCOLS.has(protocol))
    throw badRequest(`Invalid IP protocol ${protocol.toLowerCase().slice(0, 64)}.`)
  return protocol
}

function portsOf(wish: RuleWish, protocol: string): { from: number; to: number } {
  const isIcmp = protocol.startsWith('ICMP')
  if (isMissing(wish.from_port) || isMissing(wish.to_port)) {
    if (!wish.group_id) throw badRequest('Not enough parameters to build a valid rule.')
    return isIcmp ? { from: -1, to: -1 } : { from: 1, to: MAX_PORT }
  }
  const [from, to] = [wish.from_port, wish.to_port].map(portOf)
  const range = `${from ?? ''}:${to ?? ''}`
  const invalid = (why: string) => badRequest(`Invalid port range ${range}. ${why}`)
  if (from === undefined || to === undefined) throw invalid('Both ports must be given')
  if (isIcmp) {
    if (from < -1 || from > MAX_ICMP || to < -1 || to > MAX_ICMP)
      throw invalid('For ICMP, the type:code must be valid')
    return { from, to }
  }
  if (from > to) throw invalid('Former value cannot be greater than the later')
  if (from < 1 || to > MAX_PORT) throw invalid('Valid TCP ports should be between 1-65535')
  return { from, to }
}

function portOf(value: unknown): number {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value)
  if (!/^-?\d{1,6}$/.test(text))
    throw badRequest(`An invalid port was given: ${text.slice(0, 64)} is no number`)
  return Number(text)
}
