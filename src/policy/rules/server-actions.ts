/** Actions on a server that operators and owners ask for. */
import { type Rule, rule } from '../rule.ts'

export const serverActionsRules: readonly Rule[] = [
  rule('os_compute_api:os-admin-actions:reset_state', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-admin-actions:inject_network_info', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-admin-password', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-create-backup', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-deferred-delete:restore', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-deferred-delete:force', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-evacuate', 'rule:context_is_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:os-lock-server:lock', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-lock-server:unlock', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-lock-server:unlock:unlock_override', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-migrate-server:migrate', 'rule:project_manager_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-migrate-server:migrate:host', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-migrate-server:migrate_live', 'rule:project_manager_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-migrate-server:migrate_live:host', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-pause-server:pause', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-pause-server:unpause', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-rescue', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:os-unrescue', 'rule:project_member_or_admin', ['POST /servers/{server_id}/action']),
  rule('os_compute_api:os-shelve:shelve', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-shelve:unshelve', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-shelve:unshelve_to_host', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-shelve:shelve_offload', 'rule:context_is_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-suspend-server:resume', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-suspend-server:suspend', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
]
