/** Servers: what may be asked of the collection and of one. */
import { type Rule, rule } from '../rule.ts'

export const serversRules: readonly Rule[] = [
  rule('compute:server:topology:index', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/topology',
  ]),
  rule('compute:server:topology:host:index', 'rule:context_is_admin', ['GET /servers/{server_id}/topology']),
  rule('os_compute_api:servers:index', 'rule:project_reader_or_admin', ['GET /servers']),
  rule('os_compute_api:servers:detail', 'rule:project_reader_or_admin', ['GET /servers/detail']),
  rule('os_compute_api:servers:index:get_all_tenants', 'rule:context_is_admin', ['GET /servers']),
  rule('os_compute_api:servers:detail:get_all_tenants', 'rule:context_is_admin', ['GET /servers/detail']),
  rule('os_compute_api:servers:allow_all_filters', 'rule:context_is_admin', [
    'GET /servers',
    'GET /servers/detail',
  ]),
  rule('os_compute_api:servers:show', 'rule:project_reader_or_admin', ['GET /servers/{server_id}']),
  rule('os_compute_api:servers:show:flavor-extra-specs', 'rule:project_reader_or_admin', [
    'GET /servers/detail',
    'GET /servers/{server_id}',
    'PUT /servers/{server_id}',
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:show:host_status', 'rule:context_is_admin', [
    'GET /servers/{server_id}',
    'GET /servers/detail',
    'PUT /servers/{server_id}',
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:show:host_status:unknown-only', 'rule:context_is_admin', [
    'GET /servers/{server_id}',
    'GET /servers/detail',
    'PUT /servers/{server_id}',
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:create', 'rule:project_member_or_admin', ['POST /servers']),
  rule('os_compute_api:servers:create:forced_host', 'rule:context_is_admin', ['POST /servers']),
  rule('compute:servers:create:requested_destination', 'rule:context_is_admin', ['POST /servers']),
  rule('os_compute_api:servers:create:attach_volume', 'rule:project_member_or_admin', ['POST /servers']),
  rule('os_compute_api:servers:create:attach_network', 'rule:project_member_or_admin', ['POST /servers']),
  rule('os_compute_api:servers:create:trusted_certs', 'rule:project_member_or_admin', ['POST /servers']),
  rule('os_compute_api:servers:create:zero_disk_flavor', 'rule:context_is_admin', ['POST /servers']),
  rule('network:attach_external_network', 'rule:context_is_admin', [
    'POST /servers',
    'POST /servers/{server_id}/os-interface',
  ]),
  rule('os_compute_api:servers:delete', 'rule:project_member_or_admin', ['DELETE /servers/{server_id}']),
  rule('os_compute_api:servers:update', 'rule:project_member_or_admin', ['PUT /servers/{server_id}']),
  rule('os_compute_api:servers:confirm_resize', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:revert_resize', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:reboot', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:servers:resize', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('compute:servers:resize:cross_cell', '!', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:servers:rebuild', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:rebuild:trusted_certs', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:create_image', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:create_image:allow_volume_backed', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:start', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:servers:stop', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:servers:trigger_crash_dump', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:servers:migrations:show', 'rule:context_is_admin', [
    'GET /servers/{server_id}/migrations/{migration_id}',
  ]),
  rule('os_compute_api:servers:migrations:force_complete', 'rule:project_manager_or_admin', [
    'POST /servers/{server_id}/migrations/{migration_id}/action',
  ]),
  rule('os_compute_api:servers:migrations:delete', 'rule:project_manager_or_admin', [
    'DELETE /servers/{server_id}/migrations/{migration_id}',
  ]),
  rule('os_compute_api:servers:migrations:index', 'rule:project_manager_or_admin', [
    'GET /servers/{server_id}/migrations',
  ]),
  rule('os_compute_api:servers:migrations:index:host', 'rule:context_is_admin', [
    'GET /servers/{server_id}/migrations',
  ]),
]
