/** Flavors: access, extra specs, management. */
import { type Rule, rule } from '../rule.ts'

export const flavorsRules: readonly Rule[] = [
  rule('os_compute_api:os-flavor-access:add_tenant_access', 'rule:context_is_admin', [
    'POST /flavors/{flavor_id}/action',
  ]),
  rule('os_compute_api:os-flavor-access:remove_tenant_access', 'rule:context_is_admin', [
    'POST /flavors/{flavor_id}/action',
  ]),
  rule('os_compute_api:os-flavor-access', 'rule:context_is_admin', [
    'GET /flavors/{flavor_id}/os-flavor-access',
  ]),
  rule('os_compute_api:os-flavor-extra-specs:show', 'rule:project_reader_or_admin', [
    'GET /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}',
  ]),
  rule('os_compute_api:os-flavor-extra-specs:create', 'rule:context_is_admin', [
    'POST /flavors/{flavor_id}/os-extra_specs/',
  ]),
  rule('os_compute_api:os-flavor-extra-specs:update', 'rule:context_is_admin', [
    'PUT /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}',
  ]),
  rule('os_compute_api:os-flavor-extra-specs:delete', 'rule:context_is_admin', [
    'DELETE /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}',
  ]),
  rule('os_compute_api:os-flavor-extra-specs:index', 'rule:project_reader_or_admin', [
    'GET /flavors/{flavor_id}/os-extra_specs/',
    'POST /flavors',
    'GET /flavors/detail',
    'GET /flavors/{flavor_id}',
    'PUT /flavors/{flavor_id}',
  ]),
  rule('os_compute_api:os-flavor-manage:create', 'rule:context_is_admin', ['POST /flavors']),
  rule('os_compute_api:os-flavor-manage:update', 'rule:context_is_admin', ['PUT /flavors/{flavor_id}']),
  rule('os_compute_api:os-flavor-manage:delete', 'rule:context_is_admin', ['DELETE /flavors/{flavor_id}']),
]
