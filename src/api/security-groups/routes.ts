/** The security groups of a server, by the network service's account, in Nova's old shape. */
import { visibleInstance } from '#api/instances/index.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { operation, query } from '#lib/versioned/index.ts'
import { changeSecurityGroupRoutes } from './change.ts'
import { groupView } from './security-group.view.ts'

export const listServerSecurityGroups = operation({
  path: 'GET /servers/{server_id}/os-security-groups',
  query: query({}, { strictSince: '2.102' }),
})

export function securityGroupRoutes(services: Services): readonly Route[] {
  return [
    ...changeSecurityGroupRoutes(services),
    serve(listServerSecurityGroups, async (call) => {
      const instance = await visibleInstance(services, call, call.params['server_id'] ?? '')
      call.enforce('os_compute_api:os-security-groups:list', { project_id: instance.projectId })
      const groups = (await services.networks.securityGroupsOf([instance.uuid])).get(instance.uuid) ?? []
      const names = new Map(groups.map((group) => [group.id, group]))
      return { body: { security_groups: groups.map((group) => groupView(group, names)) } }
    }),
  ]
}
