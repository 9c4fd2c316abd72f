/** Hosts, hypervisors, services, aggregates and migrations. */
import { type Rule, rule } from '../rule.ts'

export const hostsRules: readonly Rule[] = [
  rule('os_compute_api:os-aggregates:set_metadata', 'rule:context_is_admin', [
    'POST /os-aggregates/{aggregate_id}/action',
  ]),
  rule('os_compute_api:os-aggregates:add_host', 'rule:context_is_admin', [
    'POST /os-aggregates/{aggregate_id}/action',
  ]),
  rule('os_compute_api:os-aggregates:create', 'rule:context_is_admin', ['POST /os-aggregates']),
  rule('os_compute_api:os-aggregates:remove_host', 'rule:context_is_admin', [
    'POST /os-aggregates/{aggregate_id}/action',
  ]),
  rule('os_compute_api:os-aggregates:update', 'rule:context_is_admin', ['PUT /os-aggregates/{aggregate_id}']),
  rule('os_compute_api:os-aggregates:index', 'rule:context_is_admin', ['GET /os-aggregates']),
  rule('os_compute_api:os-aggregates:delete', 'rule:context_is_admin', [
    'DELETE /os-aggregates/{aggregate_id}',
  ]),
  rule('os_compute_api:os-aggregates:show', 'rule:context_is_admin', ['GET /os-aggregates/{aggregate_id}']),
  rule('compute:aggregates:images', 'rule:context_is_admin', ['POST /os-aggregates/{aggregate_id}/images']),
  rule('os_compute_api:os-availability-zone:list', '@', ['GET /os-availability-zone']),
  rule('os_compute_api:os-availability-zone:detail', 'rule:context_is_admin', [
    'GET /os-availability-zone/detail',
  ]),
  rule('os_compute_api:os-baremetal-nodes:list', 'rule:context_is_admin', ['GET /os-baremetal-nodes']),
  rule('os_compute_api:os-baremetal-nodes:show', 'rule:context_is_admin', [
    'GET /os-baremetal-nodes/{node_id}',
  ]),
  rule('os_compute_api:os-hosts:list', 'rule:context_is_admin', ['GET /os-hosts']),
  rule('os_compute_api:os-hosts:show', 'rule:context_is_admin', ['GET /os-hosts/{host_name}']),
  rule('os_compute_api:os-hosts:update', 'rule:context_is_admin', ['PUT /os-hosts/{host_name}']),
  rule('os_compute_api:os-hosts:reboot', 'rule:context_is_admin', ['GET /os-hosts/{host_name}/reboot']),
  rule('os_compute_api:os-hosts:shutdown', 'rule:context_is_admin', ['GET /os-hosts/{host_name}/shutdown']),
  rule('os_compute_api:os-hosts:start', 'rule:context_is_admin', ['GET /os-hosts/{host_name}/startup']),
  rule('os_compute_api:os-hypervisors:list', 'rule:context_is_admin', ['GET /os-hypervisors']),
  rule('os_compute_api:os-hypervisors:list-detail', 'rule:context_is_admin', ['GET /os-hypervisors/detail']),
  rule('os_compute_api:os-hypervisors:statistics', 'rule:context_is_admin', [
    'GET /os-hypervisors/statistics',
  ]),
  rule('os_compute_api:os-hypervisors:show', 'rule:context_is_admin', [
    'GET /os-hypervisors/{hypervisor_id}',
  ]),
  rule('os_compute_api:os-hypervisors:uptime', 'rule:context_is_admin', [
    'GET /os-hypervisors/{hypervisor_id}/uptime',
  ]),
  rule('os_compute_api:os-hypervisors:search', 'rule:context_is_admin', [
    'GET /os-hypervisors/{hypervisor_hostname_pattern}/search',
  ]),
  rule('os_compute_api:os-hypervisors:servers', 'rule:context_is_admin', [
    'GET /os-hypervisors/{hypervisor_hostname_pattern}/servers',
  ]),
  rule('os_compute_api:os-migrations:index', 'rule:project_manager_or_admin', ['GET /os-migrations']),
  rule('os_compute_api:os-migrations:index:all_projects', 'rule:context_is_admin', ['GET /os-migrations']),
  rule('os_compute_api:os-migrations:index:host', 'rule:context_is_admin', ['GET /os-migrations']),
  rule('os_compute_api:os-services:list', 'rule:context_is_admin', ['GET /os-services']),
  rule('os_compute_api:os-services:update', 'rule:context_is_admin', ['PUT /os-services/{service_id}']),
  rule('os_compute_api:os-services:delete', 'rule:context_is_admin', ['DELETE /os-services/{service_id}']),
]
