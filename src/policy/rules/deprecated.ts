/** The old names and checks of rules: heeded where an operator's file still has them, or asks for the old defaults. */

/** What a rule was before it was split or renamed. */
export interface Deprecated {
  readonly name: string
  readonly check: string
}

type Row = readonly [oldName: string, oldCheck: string, names: readonly string[]]

const WHO: readonly Row[] = [
  [
    'rule:admin_api',
    'is_admin:True',
    [
      'context_is_admin',
      'project_manager_api',
      'service_api',
      'project_manager_or_admin',
      'service_or_admin',
    ],
  ],
  [
    'rule:admin_or_owner',
    'is_admin:True or project_id:%(project_id)s',
    ['project_member_api', 'project_reader_api', 'project_member_or_admin', 'project_reader_or_admin'],
  ],
]

/** Without the `os_compute_api:` that all begin with. */
const API: readonly Row[] = [
  [
    'os-attach-interfaces',
    'rule:admin_or_owner',
    [
      'os-attach-interfaces:list',
      'os-attach-interfaces:show',
      'os-attach-interfaces:create',
      'os-attach-interfaces:delete',
    ],
  ],
  ['os-baremetal-nodes', 'rule:admin_api', ['os-baremetal-nodes:list', 'os-baremetal-nodes:show']],
  ['os-deferred-delete', 'rule:admin_or_owner', ['os-deferred-delete:restore', 'os-deferred-delete:force']],
  ['os-flavor-access', 'rule:admin_or_owner', ['os-flavor-access']],
  [
    'os-floating-ips',
    'rule:admin_or_owner',
    [
      'os-floating-ips:add',
      'os-floating-ips:remove',
      'os-floating-ips:list',
      'os-floating-ips:create',
      'os-floating-ips:show',
      'os-floating-ips:delete',
    ],
  ],
  [
    'os-hosts',
    'rule:admin_api',
    [
      'os-hosts:list',
      'os-hosts:show',
      'os-hosts:update',
      'os-hosts:reboot',
      'os-hosts:shutdown',
      'os-hosts:start',
    ],
  ],
  [
    'os-hypervisors',
    'rule:admin_api',
    [
      'os-hypervisors:list',
      'os-hypervisors:list-detail',
      'os-hypervisors:statistics',
      'os-hypervisors:show',
      'os-hypervisors:uptime',
      'os-hypervisors:search',
      'os-hypervisors:servers',
    ],
  ],
  ['os-instance-actions', 'rule:admin_or_owner', ['os-instance-actions:list', 'os-instance-actions:show']],
  [
    'os-instance-usage-audit-log',
    'rule:admin_api',
    ['os-instance-usage-audit-log:list', 'os-instance-usage-audit-log:show'],
  ],
  ['os-used-limits', 'rule:admin_api', ['limits:other_project']],
  ['os-migrate-server:migrate_live', 'rule:context_is_admin', ['os-migrate-server:migrate_live:host']],
  [
    'os-migrations:index',
    'rule:context_is_admin',
    ['os-migrations:index:all_projects', 'os-migrations:index:host'],
  ],
  ['os-multinic', 'rule:admin_or_owner', ['os-multinic:add', 'os-multinic:remove']],
  ['os-networks:view', 'rule:admin_or_owner', ['os-networks:list', 'os-networks:show']],
  ['os-rescue', 'rule:admin_or_owner', ['os-unrescue']],
  [
    'os-security-groups',
    'rule:admin_or_owner',
    [
      'os-security-groups:get',
      'os-security-groups:show',
      'os-security-groups:create',
      'os-security-groups:update',
      'os-security-groups:delete',
      'os-security-groups:rule:create',
      'os-security-groups:rule:delete',
      'os-security-groups:list',
      'os-security-groups:add',
      'os-security-groups:remove',
    ],
  ],
  ['os-server-password', 'rule:admin_or_owner', ['os-server-password:show', 'os-server-password:clear']],
  ['os-flavor-extra-specs:index', 'rule:admin_or_owner', ['servers:show:flavor-extra-specs']],
  ['servers:migrations:index', 'rule:context_is_admin', ['servers:migrations:index:host']],
  ['os-services', 'rule:admin_api', ['os-services:list', 'os-services:update', 'os-services:delete']],
  ['os-tenant-networks', 'rule:admin_or_owner', ['os-tenant-networks:list', 'os-tenant-networks:show']],
  [
    'os-volumes',
    'rule:admin_or_owner',
    [
      'os-volumes:list',
      'os-volumes:create',
      'os-volumes:detail',
      'os-volumes:show',
      'os-volumes:delete',
      'os-volumes:snapshots:list',
      'os-volumes:snapshots:create',
      'os-volumes:snapshots:detail',
      'os-volumes:snapshots:show',
      'os-volumes:snapshots:delete',
    ],
  ],
]

const PREFIX = 'os_compute_api:'
const whole = (name: string): string => PREFIX + name

/** By the name that a rule has now. */
export const DEPRECATED: ReadonlyMap<string, Deprecated> = new Map(
  [...WHO, ...API.map(([name, check, names]): Row => [whole(name), check, names.map(whole)])].flatMap(
    ([name, check, names]) => names.map((each) => [each, { name, check }] as const),
  ),
)
