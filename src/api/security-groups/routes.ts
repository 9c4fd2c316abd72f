/** The security groups of a server, by the network service's account, in Nova's old shape. */
import { visibleInstance } from '#api/instances/index.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { operation, query } from '#lib/versioned/index.ts'
import type { SecurityGroup } from '#neighbours/networks/port.ts'

export const listServerSecurityGroups = operation({
  path: 'GET /servers/{server_id}/os-security-groups',
  query: query({}, { strictSince: '2.102' }),
})

export function securityGroupRoutes(services: Services): readonly Route[] {
  return [
    serve(listServerSecurityGroups, async (call) => {
      const instance = await visibleInstance(services, call, call.params['server_id'] ?? '')
      call.enforce('os_compute_api:os-security-groups:list', { project_id: instance.projectId })
      const groups = (await services.networks.securityGroupsOf([instance.uuid])).get(instance.uuid) ?? []
      const names = new Map(groups.map((group) => [group.id, group]))
      return { body: { security_groups: groups.map((group) => groupBody(group, names)) } }
    }),
  ]
}

const groupBody = (group: SecurityGroup, known: ReadonlyMap<string, SecurityGroup>) => ({
  id: group.id,
  name: group.name,
  description: group.description,
  tenant_id: group.projectId,
  rules: group.rules
    .filter(({ direction }) => direction === 'ingress')
    .map((rule) => ruleBody(rule, group, known)),
})

/** Neutron's rule in the words of nova-network: protocol and ports may be null, a source is a group or a range. */
function ruleBody(
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
    from_port: rule['port_range_min'] ?? null,
    to_port: rule['port_range_max'] ?? null,
    ip_range: isRange ? { cidr: rule['remote_ip_prefix'] ?? everywhere } : {},
    group: source ? { name: source.name, tenant_id: source.projectId } : {},
  }
}
