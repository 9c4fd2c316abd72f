/** What a router does to packets: floating IPs there and back, and one address for all who have none. */
import type { FloatingIpDoc } from '../documents.ts'

export interface RouterRules {
  /** The device that leads out, and the address there; null without a gateway. */
  readonly outside: { readonly device: string; readonly address: string | null } | null
  readonly enableSnat: boolean
  /** The subnets inside. */
  readonly insideRanges: readonly string[]
  readonly floatingIps: readonly Pick<FloatingIpDoc, 'floating_ip_address' | 'fixed_ip_address'>[]
}

const TABLE = 'router'

export function routerRuleset(input: RouterRules): string {
  const pairs = input.floatingIps.flatMap((ip) =>
    ip.fixed_ip_address === null ? [] : [{ floating: ip.floating_ip_address, fixed: ip.fixed_ip_address }],
  )
  const forwards = pairs.map(({ floating, fixed }) => `ip daddr ${floating} dnat to ${fixed}`)
  return [
    `table ip ${TABLE}`,
    `delete table ip ${TABLE}`,
    `table ip ${TABLE} {`,
    'chain prerouting {',
    'type nat hook prerouting priority dstnat; policy accept;',
    ...forwards,
    '}',
    'chain output {',
    'type nat hook output priority -100; policy accept;',
    ...forwards,
    '}',
    'chain postrouting {',
    'type nat hook postrouting priority srcnat; policy accept;',
    ...(input.outside ? sourceRules(input, input.outside, pairs) : []),
    '}',
    'chain input {',
    'type filter hook input priority filter; policy accept;',
    // The metadata service is for the networks inside.
    ...(input.outside ? [`iifname "${input.outside.device}" ip daddr 169.254.169.254 drop`] : []),
    '}',
    '}',
    '',
  ].join('\n')
}

function sourceRules(
  input: RouterRules,
  outside: { readonly device: string; readonly address: string | null },
  pairs: readonly { floating: string; fixed: string }[],
): string[] {
  // A guest that calls a neighbour by its floating IP must be answered through the router too.
  const own = pairs.flatMap(({ floating, fixed }) => [
    `oifname "${outside.device}" ip saddr ${fixed} snat to ${floating}`,
    `ct status dnat ip saddr ${fixed} snat to ${floating}`,
  ])
  if (!input.enableSnat || outside.address === null) return own
  const rest = input.insideRanges.flatMap((range) => [
    `oifname "${outside.device}" ip saddr ${range} snat to ${outside.address}`,
    `ct status dnat ip saddr ${range} snat to ${outside.address}`,
  ])
  return [...own, ...rest]
}
