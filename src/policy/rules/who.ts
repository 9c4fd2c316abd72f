/** Who: the rules that the others refer to. */
import { type Rule, base } from '../rule.ts'

export const whoRules: readonly Rule[] = [
  base('context_is_admin', 'role:admin'),
  base('admin_or_owner', 'is_admin:True or project_id:%(project_id)s'),
  base('admin_api', 'is_admin:True'),
  base('project_manager_api', 'role:manager and project_id:%(project_id)s'),
  base('project_member_api', 'role:member and project_id:%(project_id)s'),
  base('project_reader_api', 'role:reader and project_id:%(project_id)s'),
  base('service_api', 'role:service'),
  base('project_manager_or_admin', 'rule:project_manager_api or rule:context_is_admin'),
  base('project_member_or_admin', 'rule:project_member_api or rule:context_is_admin'),
  base('project_reader_or_admin', 'rule:project_reader_api or rule:context_is_admin'),
  base('service_or_admin', 'rule:service_api or rule:context_is_admin'),
]
