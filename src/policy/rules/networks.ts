/** Interfaces and addresses of servers, and what is left of nova-network. */
import { type Rule, rule } from '../rule.ts'

export const networksRules: readonly Rule[] = [
  rule('os_compute_api:os-attach-interfaces:list', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-interface',
  ]),
  rule('os_compute_api:os-attach-interfaces:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-interface/{port_id}',
  ]),
  rule('os_compute_api:os-attach-interfaces:create', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/os-interface',
  ]),
  rule('os_compute_api:os-attach-interfaces:delete', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/os-interface/{port_id}',
  ]),
  rule('os_compute_api:os-floating-ip-pools', '@', ['GET /os-floating-ip-pools']),
  rule('os_compute_api:os-floating-ips:add', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-floating-ips:remove', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-floating-ips:list', 'rule:project_reader_or_admin', ['GET /os-floating-ips']),
  rule('os_compute_api:os-floating-ips:create', 'rule:project_member_or_admin', ['POST /os-floating-ips']),
  rule('os_compute_api:os-floating-ips:show', 'rule:project_reader_or_admin', [
    'GET /os-floating-ips/{floating_ip_id}',
  ]),
  rule('os_compute_api:os-floating-ips:delete', 'rule:project_member_or_admin', [
    'DELETE /os-floating-ips/{floating_ip_id}',
  ]),
  rule('os_compute_api:ips:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/ips/{network_label}',
  ]),
  rule('os_compute_api:ips:index', 'rule:project_reader_or_admin', ['GET /servers/{server_id}/ips']),
  rule('os_compute_api:os-multinic:add', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-multinic:remove', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-networks:list', 'rule:project_reader_or_admin', ['GET /os-networks']),
  rule('os_compute_api:os-networks:show', 'rule:project_reader_or_admin', ['GET /os-networks/{network_id}']),
  rule('os_compute_api:os-security-groups:get', 'rule:project_reader_or_admin', ['GET /os-security-groups']),
  rule('os_compute_api:os-security-groups:show', 'rule:project_reader_or_admin', [
    'GET /os-security-groups/{security_group_id}',
  ]),
  rule('os_compute_api:os-security-groups:create', 'rule:project_member_or_admin', [
    'POST /os-security-groups',
  ]),
  rule('os_compute_api:os-security-groups:update', 'rule:project_member_or_admin', [
    'PUT /os-security-groups/{security_group_id}',
  ]),
  rule('os_compute_api:os-security-groups:delete', 'rule:project_member_or_admin', [
    'DELETE /os-security-groups/{security_group_id}',
  ]),
  rule('os_compute_api:os-security-groups:rule:create', 'rule:project_member_or_admin', [
    'POST /os-security-group-rules',
  ]),
  rule('os_compute_api:os-security-groups:rule:delete', 'rule:project_member_or_admin', [
    'DELETE /os-security-group-rules/{security_group_id}',
  ]),
  rule('os_compute_api:os-security-groups:list', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-security-groups',
  ]),
  rule('os_compute_api:os-security-groups:add', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-security-groups:remove', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-tenant-networks:list', 'rule:project_reader_or_admin', ['GET /os-tenant-networks']),
  rule('os_compute_api:os-tenant-networks:show', 'rule:project_reader_or_admin', [
    'GET /os-tenant-networks/{network_id}',
  ]),
]
