/** Consoles: output, remote consoles and their tokens. */
import { type Rule, rule } from '../rule.ts'

export const consolesRules: readonly Rule[] = [
  rule('os_compute_api:os-console-auth-tokens', 'rule:context_is_admin', [
    'GET /os-console-auth-tokens/{console_token}',
  ]),
  rule('os_compute_api:os-console-output', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
  ]),
  rule('os_compute_api:os-remote-consoles', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/action',
    'POST /servers/{server_id}/action',
    'POST /servers/{server_id}/action',
    'POST /servers/{server_id}/remote-consoles',
  ]),
]
