/** Quotas, limits and usage. */
import { type Rule, rule } from '../rule.ts'

export const quotasRules: readonly Rule[] = [
  rule('os_compute_api:os-instance-usage-audit-log:list', 'rule:context_is_admin', [
    'GET /os-instance_usage_audit_log',
  ]),
  rule('os_compute_api:os-instance-usage-audit-log:show', 'rule:context_is_admin', [
    'GET /os-instance_usage_audit_log/{before_timestamp}',
  ]),
  rule('os_compute_api:limits', '@', ['GET /limits']),
  rule('os_compute_api:limits:other_project', 'rule:context_is_admin', ['GET /limits']),
  rule('os_compute_api:os-quota-class-sets:show', 'rule:context_is_admin', [
    'GET /os-quota-class-sets/{quota_class}',
  ]),
  rule('os_compute_api:os-quota-class-sets:update', 'rule:context_is_admin', [
    'PUT /os-quota-class-sets/{quota_class}',
  ]),
  rule('os_compute_api:os-quota-sets:update', 'rule:context_is_admin', ['PUT /os-quota-sets/{tenant_id}']),
  rule('os_compute_api:os-quota-sets:defaults', '@', ['GET /os-quota-sets/{tenant_id}/defaults']),
  rule('os_compute_api:os-quota-sets:show', 'rule:project_reader_or_admin', [
    'GET /os-quota-sets/{tenant_id}',
  ]),
  rule('os_compute_api:os-quota-sets:delete', 'rule:context_is_admin', ['DELETE /os-quota-sets/{tenant_id}']),
  rule('os_compute_api:os-quota-sets:detail', 'rule:project_reader_or_admin', [
    'GET /os-quota-sets/{tenant_id}/detail',
  ]),
  rule('os_compute_api:os-simple-tenant-usage:show', 'rule:project_reader_or_admin', [
    'GET /os-simple-tenant-usage/{tenant_id}',
  ]),
  rule('os_compute_api:os-simple-tenant-usage:list', 'rule:context_is_admin', [
    'GET /os-simple-tenant-usage',
  ]),
]
