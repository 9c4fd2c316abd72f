/** Security groups and their rules in nova-network's words. */
import type { SecurityGroup } from '#neighbours/networks/port.ts'

export const groupView = (group: SecurityGroup, known: ReadonlyMap<string, SecurityGroup>) => ({
  id: group.id,
  name: group.name,
  description: group.description,
  tenant_id: group.projectId,
  rules: group.rules
    .filter(({ direction }) => direction === 'ingress')
    .map((rule) => ruleView(rule, group, known)),
})

/** Neutron's rule in the words of nova-network: protocol and ports may be null, a source is a group or a range. */
export function ruleView(
  rule: Readonly<Record<string, unknown>>,
  group: SecurityGroup,
  known: ReadonlyMap<string, SecurityGroup>,
) {
  const remote = rule['remote_group_id']
  const source = typeof remote === 'string' ? known.get(remote) : undefined
  const everywhere = rule['ethertype'] === 'IPv6' ? '::/0' : '0.0.0.0/0'
  const isRange = remote === null || remote === undefined
  return {
    id: rule['id'],
    parent_group_id: group.id,
    ip_protocol: typeof rule['protocol'] === 'string' ? rule['protocol'] : null,
    ...portsOf(rule),
    ip_range: isRange ? { cidr: rule['remote_ip_prefix'] ?? everywhere } : {},
    group: source ? { name: source.name, tenant_id: source.projectId } : {},
  }
}

/** Of a protocol without ports said, nova-network named them all. */
function portsOf(rule: Readonly<Record<string, unknown>>) {
  const { protocol, port_range_min: from = null, port_range_max: to = null } = rule
  if (typeof protocol !== 'string' || from !== null || to !== null) return { from_port: from, to_port: to }
  return ['tcp', 'udp'].includes(protocol.toLowerCase())
    ? { from_port: 1, to_port: 65_535 }
    : { from_port: -1, to_port: -1 }
}
