/** What hangs on a server: metadata, tags, groups, password, shares, actions, events. */
import { type Rule, rule } from '../rule.ts'

export const serverPartsRules: readonly Rule[] = [
  rule('os_compute_api:os-extended-server-attributes', 'rule:context_is_admin', [
    'GET /servers/{id}',
    'GET /servers/detail',
    'PUT /servers/{server_id}',
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-instance-actions:events:details', 'rule:context_is_admin', [
    'GET /servers/{server_id}/os-instance-actions/{request_id}',
  ]),
  rule('os_compute_api:os-instance-actions:events', 'rule:context_is_admin', [
    'GET /servers/{server_id}/os-instance-actions/{request_id}',
  ]),
  rule('os_compute_api:os-instance-actions:list', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-instance-actions',
  ]),
  rule('os_compute_api:os-instance-actions:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-instance-actions/{request_id}',
  ]),
  rule('os_compute_api:os-server-diagnostics', 'rule:context_is_admin', [
    'GET /servers/{server_id}/diagnostics',
  ]),
  rule('os_compute_api:os-server-external-events:create', 'rule:service_or_admin', [
    'POST /os-server-external-events',
  ]),
  rule('os_compute_api:os-server-groups:create', 'rule:project_member_or_admin', ['POST /os-server-groups']),
  rule('os_compute_api:os-server-groups:delete', 'rule:project_member_or_admin', [
    'DELETE /os-server-groups/{server_group_id}',
  ]),
  rule('os_compute_api:os-server-groups:index', 'rule:project_reader_or_admin', ['GET /os-server-groups']),
  rule('os_compute_api:os-server-groups:index:all_projects', 'rule:context_is_admin', [
    'GET /os-server-groups',
  ]),
  rule('os_compute_api:os-server-groups:show', 'rule:project_reader_or_admin', [
    'GET /os-server-groups/{server_group_id}',
  ]),
  rule('os_compute_api:server-metadata:index', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/metadata',
  ]),
  rule('os_compute_api:server-metadata:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/metadata/{key}',
  ]),
  rule('os_compute_api:server-metadata:create', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/metadata',
  ]),
  rule('os_compute_api:server-metadata:update_all', 'rule:project_member_or_admin', [
    'PUT /servers/{server_id}/metadata',
  ]),
  rule('os_compute_api:server-metadata:update', 'rule:project_member_or_admin', [
    'PUT /servers/{server_id}/metadata/{key}',
  ]),
  rule('os_compute_api:server-metadata:delete', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/metadata/{key}',
  ]),
  rule('os_compute_api:os-server-password:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-server-password',
  ]),
  rule('os_compute_api:os-server-password:clear', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/os-server-password',
  ]),
  rule('os_compute_api:os-server-shares:index', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/shares',
  ]),
  rule('os_compute_api:os-server-shares:create', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/shares',
  ]),
  rule('os_compute_api:os-server-shares:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/shares/{share_id}',
  ]),
  rule('os_compute_api:os-server-shares:delete', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/shares/{share_id}',
  ]),
  rule('os_compute_api:os-server-tags:delete_all', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/tags',
  ]),
  rule('os_compute_api:os-server-tags:index', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/tags',
  ]),
  rule('os_compute_api:os-server-tags:update_all', 'rule:project_member_or_admin', [
    'PUT /servers/{server_id}/tags',
  ]),
  rule('os_compute_api:os-server-tags:delete', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/tags/{tag}',
  ]),
  rule('os_compute_api:os-server-tags:update', 'rule:project_member_or_admin', [
    'PUT /servers/{server_id}/tags/{tag}',
  ]),
  rule('os_compute_api:os-server-tags:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/tags/{tag}',
  ]),
]
