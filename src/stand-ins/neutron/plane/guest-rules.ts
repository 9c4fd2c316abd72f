/**
 * What guests may send and receive, as one nft ruleset that replaces the last one atomically.
 *
 * A frame between two ports of a bridge passes two tables. The bridge table knows the taps: it drops
 * what a guest may not claim to be, and writes into the packet's mark which ports it comes from and goes
 * to. br_netfilter then shows the packet to the inet table, where connections are tracked (each bridge
 * in a zone of its own) and the security groups are chains, chosen by the mark.
 */
import { createHash } from 'node:crypto'
import { linkLocal, parseCidr } from '../addresses.ts'
import type { PortDoc, SecurityGroupRuleDoc } from '../documents.ts'
import { tapName } from './names.ts'
import { matchOf } from './rule-match.ts'

export interface GuestRules {
  readonly table: string
  /** The beginning of the names of our own legs and bridges. */
  readonly prefix: string
  readonly bridges: readonly { readonly name: string; readonly zone: number }[]
  /** Guests' ports, each with a number that is its own. */
  readonly ports: readonly { readonly port: PortDoc; readonly number: number }[]
  /** Devices in our bridges that no port is known for. */
  readonly strays: readonly string[]
  readonly rules: readonly SecurityGroupRuleDoc[]
  /** Every port, guests' or not: the members of groups. */
  readonly members: readonly PortDoc[]
  /** Ranges of external networks, which are hidden behind this machine's own address. */
  readonly hiddenRanges: readonly string[]
  /** The devices of the default route, when this cloud made them forward. */
  readonly guardedUplinks: readonly string[]
}

/** The number of a sender or receiver that nothing is asked of: our own legs, and ports without port security. */
const TRUSTED = 0x7fff
const hex = (number: number): string => `0x${(number >>> 0).toString(16)}`
const fromMark = (number: number): string => hex(number << 16)

export function guestRuleset(input: GuestRules): string {
  const guarded = input.ports.filter(({ port }) => port.port_security_enabled && port.admin_state_up)
  const open = input.ports.filter(({ port }) => !port.port_security_enabled && port.admin_state_up)
  const closed = input.ports.filter(({ port }) => !port.admin_state_up).map(({ port }) => tapName(port.id))
  const dropped = [...input.strays, ...closed]
  const policies = policiesOf(guarded, input.rules)
  return [
    ...['bridge', 'inet'].flatMap((family) => [
      `table ${family} ${input.table}`,
      `delete table ${family} ${input.table}`,
    ]),
    ...bridgeTable(input, guarded, open, dropped),
    ...inetTable(input, guarded, policies),
    '',
  ].join('\n')
}

type Numbered = GuestRules['ports'][number]

function bridgeTable(
  input: GuestRules,
  guarded: readonly Numbered[],
  open: readonly Numbered[],
  dropped: readonly string[],
): string[] {
  const known = [...guarded, ...open]
  const from = [
    ...guarded.map(({ port, number }) => `"${tapName(port.id)}" : jump from${number}`),
    ...open.map(({ port }) => `"${tapName(port.id)}" : jump trusted_from`),
    ...dropped.map((device) => `"${device}" : drop`),
  ]
  const to = [
    ...guarded.map(({ port, number }) => `"${tapName(port.id)}" : jump to${number}`),
    ...open.map(({ port }) => `"${tapName(port.id)}" : jump trusted_to`),
    ...dropped.map((device) => `"${device}" : drop`),
  ]
  const devices = [...known.map(({ port }) => tapName(port.id)), ...dropped]
  return [
    `table bridge ${input.table} {`,
    ...chain('trusted_from', [`meta mark set ${fromMark(TRUSTED)}`]),
    ...chain('trusted_to', [`meta mark set meta mark or ${hex(TRUSTED)}`]),
    ...guarded.flatMap(({ port, number }) => chain(`from${number}`, antiSpoofing(port, number))),
    ...guarded.flatMap(({ number }) => chain(`to${number}`, [`meta mark set meta mark or ${hex(number)}`])),
    ...chain('forward', [
      'type filter hook forward priority -200; policy accept;',
      `iifname "${input.prefix}*" jump trusted_from`,
      ...vmap('iifname', from),
      `oifname "${input.prefix}*" jump trusted_to`,
      ...vmap('oifname', to),
    ]),
    // Bridges have no address: what is sent to this machine through one is an attempt to get around the rest.
    ...chain('input', [
      'type filter hook input priority -200; policy accept;',
      `iifname "${input.prefix}*" drop`,
      ...(devices.length > 0
        ? [`iifname { ${devices.map((device) => `"${device}"`).join(', ')} } drop`]
        : []),
    ]),
    '}',
  ]
}

const chain = (name: string, lines: readonly string[]): string[] => [`chain ${name} {`, ...lines, '}']
const vmap = (key: string, entries: readonly string[]): string[] =>
  entries.length === 0 ? [] : [`${key} vmap { ${entries.join(', ')} }`]

/** Who a guest may say it is: its own MAC with its own addresses, and what its owner allowed beside. */
function antiSpoofing(port: PortDoc, number: number): string[] {
  const own = port.fixed_ips.map((ip) => ({ mac: port.mac_address, ip: ip.ip_address }))
  const pairs = port.allowed_address_pairs.map((pair) => ({ mac: pair.mac_address, ip: pair.ip_address }))
  const all = [...own, ...pairs]
  const v4 = all.filter(({ ip }) => !ip.includes(':'))
  const v6 = all.filter(({ ip }) => ip.includes(':'))
  const macs = [...new Set([port.mac_address, ...pairs.map(({ mac }) => mac)])]
  return [
    `meta mark set ${fromMark(number)}`,
    `ether saddr != { ${macs.join(', ')} } drop`,
    // A probe whether an address is free has no sender.
    ...macs.map((mac) => `ether saddr ${mac} arp saddr ether ${mac} arp saddr ip 0.0.0.0 return`),
    ...v4.map(({ mac, ip }) => `ether saddr ${mac} arp saddr ether ${mac} arp saddr ip ${ip} return`),
    ...macs.map((mac) => `ether saddr ${mac} ip saddr 0.0.0.0 udp sport 68 udp dport 67 return`),
    'ether type ip udp sport 67 drop',
    ...v4.map(({ mac, ip }) => `ether saddr ${mac} ip saddr ${ip} return`),
    'ether type ip6 udp sport 547 drop',
    'ether type ip6 icmpv6 type nd-router-advert drop',
    ...neighbours(macs, v6),
    'drop',
  ]
}

/** IPv6: an advertisement speaks for its target, wherever it comes from. */
function neighbours(macs: readonly string[], v6: readonly { mac: string; ip: string }[]): string[] {
  const own = [...v6, ...macs.map((mac) => ({ mac, ip: linkLocal(mac) }))]
  const targets = own.flatMap(({ ip }) => {
    const range = parseCidr(ip.includes('/') ? ip : `${ip}/128`)
    return range?.prefix === 128 ? [`0x${range.first.toString(16).padStart(32, '0')}`] : []
  })
  return [
    `ether type ip6 icmpv6 type nd-neighbor-advert @th,64,128 != { ${[...new Set(targets)].join(', ')} } drop`,
    ...macs.map(
      (mac) =>
        `ether saddr ${mac} ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld2-listener-report } return`,
    ),
    ...own.map(({ mac, ip }) => `ether saddr ${mac} ip6 saddr ${ip} return`),
  ]
}

interface Policy {
  readonly name: string
  readonly groupIds: readonly string[]
  readonly rules: readonly SecurityGroupRuleDoc[]
}

/** Ports with the same groups share their chains. */
function policiesOf(
  guarded: readonly Numbered[],
  rules: readonly SecurityGroupRuleDoc[],
): Map<string, Policy> {
  const policies = new Map<string, Policy>()
  for (const { port } of guarded) {
    const key = keyOf(port)
    if (policies.has(key)) continue
    const groupIds = new Set(port.security_groups)
    const own = rules.filter((rule) => groupIds.has(rule.security_group_id))
    policies.set(key, { name: String(policies.size), groupIds: [...groupIds], rules: own })
  }
  return policies
}

const keyOf = (port: PortDoc): string => [...port.security_groups].sort().join()

const setName = (groupId: string, version: 4 | 6): string => `g${groupId.replaceAll('-', '')}_${version}`

/** What a guest must always be able to send and to be told: its lease, and who its neighbours are. */
const ALWAYS_OUT = [
  'meta nfproto ipv4 udp sport 68 udp dport 67 return',
  'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } return',
]
const ALWAYS_IN = [
  'meta nfproto ipv4 udp sport 67 udp dport 68 return',
  'icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } return',
]

function inetTable(
  input: GuestRules,
  guarded: readonly Numbered[],
  policies: ReadonlyMap<string, Policy>,
): string[] {
  const target = (direction: string, shift: number) => [
    ...guarded.map(
      ({ port, number }) =>
        `${hex(number << shift)} : goto ${direction}${policies.get(keyOf(port))?.name ?? ''}`,
    ),
    `${hex(TRUSTED << shift)} : return`,
  ]
  const { prefix } = input
  const rules = [
    ...groupSets(input, [...policies.values()]),
    ...[...policies.values()].flatMap((policy) => policyChains(policy)),
    ...chain('from', [`meta mark & 0xffff0000 vmap { ${target('egress', 16).join(', ')} }`, 'drop']),
    ...chain('to', [`meta mark & 0x0000ffff vmap { ${target('ingress', 0).join(', ')} }`, 'drop']),
  ]
  const epoch = epochOf(rules)
  return [
    `table inet ${input.table} {`,
    ...rules,
    ...chain('bridged', [
      `oifname != "${prefix}b*" drop`,
      'ct state invalid drop',
      'ct state related accept',
      'ct state established ct direction reply accept',
      `ct state established ct mark ${epoch} accept`,
      'jump from',
      'jump to',
      `ct mark set ${epoch}`,
      'accept',
    ]),
    ...chain('zones', [
      'type filter hook prerouting priority raw; policy accept;',
      `iifname "${prefix}x*" meta mark set 0x0`,
      ...(input.bridges.length > 0
        ? [
            `ct zone set iifname map { ${input.bridges.map(({ name, zone }) => `"${name}" : ${zone}`).join(', ')} }`,
          ]
        : []),
    ]),
    ...chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      `iifname "${prefix}b*" jump bridged`,
      ...input.guardedUplinks.map((device) => `iifname "${device}" oifname != "kn*" drop`),
    ]),
    ...chain('input', [
      'type filter hook input priority filter; policy accept;',
      `iifname "${prefix}b*" drop`,
    ]),
    ...chain('hide', [
      'type nat hook postrouting priority srcnat; policy accept;',
      ...input.hiddenRanges.map((range) => `ip saddr ${range} oifname != "kn*" masquerade`),
    ]),
    '}',
  ]
}

/**
 * A number for the rules as they are. Connections carry the number of the rules that let them in: after
 * a change each is asked once more, so that a rule that is taken away ends what it had allowed.
 */
const epochOf = (rules: readonly string[]): string =>
  `0x${createHash('sha256').update(rules.join('\n')).digest('hex').slice(0, 8)}`

function policyChains(policy: Policy): string[] {
  const lines = (direction: 'ingress' | 'egress') => {
    const own = policy.rules.filter((rule) => rule.direction === direction)
    return [...new Set(own.map((rule) => `${matchOf(rule, setName)} return`.trim()))]
  }
  return [
    ...chain(`egress${policy.name}`, [...ALWAYS_OUT, ...lines('egress'), 'drop']),
    ...chain(`ingress${policy.name}`, [...ALWAYS_IN, ...lines('ingress'), 'drop']),
  ]
}

/** The addresses of each group that a rule speaks of. */
function groupSets(input: GuestRules, policies: readonly Policy[]): string[] {
  const groupIds = new Set(
    policies.flatMap((policy) => policy.rules.flatMap((rule) => rule.remote_group_id ?? [])),
  )
  return [...groupIds].sort().flatMap((groupId) => {
    const members = input.members.filter((port) => port.security_groups.includes(groupId))
    const addresses = members.flatMap((port) => [
      ...port.fixed_ips.map((ip) => ip.ip_address),
      ...port.allowed_address_pairs.map((pair) => pair.ip_address),
    ])
    return ([4, 6] as const).flatMap((version) => {
      const own = [
        ...new Set(addresses.filter((address) => address.includes(':') === (version === 6))),
      ].sort()
      return [
        `set ${setName(groupId, version)} {`,
        `type ${version === 4 ? 'ipv4_addr' : 'ipv6_addr'}; flags interval; auto-merge;`,
        ...(own.length > 0 ? [`elements = { ${own.join(', ')} }`] : []),
        '}',
      ]
    })
  })
}
