/**
 * Every route of Placement over its versions: since when it is there, what it answers in which shape, and
 * what a request may carry from when on. `test/parity/placement-requests.test.ts` holds it against the published facts.
 */

export interface Row {
  readonly route: string
  /** The rule that allows it; the version document needs none. */
  readonly rule: string | null
  /** The first version that has it. Before that the path is not there. */
  readonly since: string
  /** Before that the path has not the method. */
  readonly before?: 405
  /** By ranges of versions: the status, and the shape of the body if there is one. */
  readonly answers: Readonly<Record<string, readonly [status: number, shape?: string]>>
  /** From 1.15 the answer says when it was modified. */
  readonly dated?: boolean
  /** Things a request may carry, by name, and the versions that take them. */
  readonly takes?: Readonly<Record<string, string>>
}

const PROVIDER = {
  '1.0..1.0': 'generation links(self inventories usages) name uuid',
  '1.1..1.5': 'generation links(self inventories usages aggregates) name uuid',
  '1.6..1.10': 'generation links(self inventories usages aggregates traits) name uuid',
  '1.11..1.13': 'generation links(self inventories usages aggregates traits allocations) name uuid',
  '1.14..':
    'generation links(self inventories usages aggregates traits allocations) name parent_provider_uuid root_provider_uuid uuid',
} as const

const shownProviders = (wrap: (shape: string) => string): Row['answers'] =>
  Object.fromEntries(Object.entries(PROVIDER).map(([range, shape]) => [range, [200, wrap(shape)]]))

const INVENTORY = 'allocation_ratio max_unit min_unit reserved step_size total'
const INVENTORIES = `{inventories:{VCPU:{${INVENTORY}}} resource_provider_generation}`
const ONE_INVENTORY = `{${INVENTORY.replace('reserved', 'reserved resource_provider_generation')}}`
const RESOURCES = 'resources:{VCPU}'
const RESERVES = { 'all of it reserved': '1.26..' } as const

const WRITTEN_ALLOCATIONS = {
  'a consumer generation': '1.28..',
  'no allocations': '1.28..',
  mappings: '1.34..',
  'a consumer type': '1.38..',
} as const

export const ROUTES: readonly Row[] = [
  {
    route: 'GET /',
    rule: null,
    since: '1.0',
    answers: { '1.0..': [200, '{versions:[{id links(self) max_version min_version status}]}'] },
    dated: true,
  },
  {
    route: 'GET /resource_classes',
    rule: 'placement:resource_classes:list',
    since: '1.2',
    answers: { '1.2..': [200, '{resource_classes:[{links(self) name}]}'] },
    dated: true,
  },
  {
    route: 'POST /resource_classes',
    rule: 'placement:resource_classes:create',
    since: '1.2',
    answers: { '1.2..': [201] },
  },
  {
    route: 'GET /resource_classes/{name}',
    rule: 'placement:resource_classes:show',
    since: '1.2',
    answers: { '1.2..': [200, '{links(self) name}'] },
    dated: true,
  },
  {
    route: 'PUT /resource_classes/{name}',
    rule: 'placement:resource_classes:update',
    since: '1.2',
    answers: { '1.2..1.6': [200, '{links(self) name}'], '1.7..': [201] },
  },
  {
    route: 'DELETE /resource_classes/{name}',
    rule: 'placement:resource_classes:delete',
    since: '1.2',
    answers: { '1.2..': [204] },
  },
  {
    route: 'GET /resource_providers',
    rule: 'placement:resource_providers:list',
    since: '1.0',
    answers: shownProviders((shape) => `{resource_providers:[{${shape}}]}`),
    dated: true,
    takes: {
      name: '1.0..',
      member_of: '1.3..',
      resources: '1.4..',
      in_tree: '1.14..',
      required: '1.18..',
      'a forbidden trait': '1.22..',
      'member_of twice': '1.24..',
      'a forbidden aggregate': '1.32..',
      'any of some traits': '1.39..',
    },
  },
  {
    route: 'POST /resource_providers',
    rule: 'placement:resource_providers:create',
    since: '1.0',
    answers: { '1.0..1.19': [201], '1.20..': [200, `{${PROVIDER['1.14..']}}`] },
    dated: true,
    takes: { 'a parent': '1.14..' },
  },
  {
    route: 'GET /resource_providers/{uuid}',
    rule: 'placement:resource_providers:show',
    since: '1.0',
    answers: shownProviders((shape) => `{${shape}}`),
    dated: true,
  },
  {
    route: 'PUT /resource_providers/{uuid}',
    rule: 'placement:resource_providers:update',
    since: '1.0',
    answers: shownProviders((shape) => `{${shape}}`),
    dated: true,
    takes: { 'a first parent': '1.14..', 'another parent': '1.37..', 'no parent any more': '1.37..' },
  },
  {
    route: 'DELETE /resource_providers/{uuid}',
    rule: 'placement:resource_providers:delete',
    since: '1.0',
    answers: { '1.0..': [204] },
  },
  {
    route: 'GET /resource_providers/{uuid}/inventories',
    rule: 'placement:resource_providers:inventories:list',
    since: '1.0',
    answers: { '1.0..': [200, INVENTORIES] },
    dated: true,
  },
  {
    route: 'POST /resource_providers/{uuid}/inventories',
    rule: 'placement:resource_providers:inventories:create',
    since: '1.0',
    answers: { '1.0..': [201, ONE_INVENTORY] },
    dated: true,
    takes: RESERVES,
  },
  {
    route: 'PUT /resource_providers/{uuid}/inventories',
    rule: 'placement:resource_providers:inventories:update',
    since: '1.0',
    answers: { '1.0..': [200, INVENTORIES] },
    dated: true,
    takes: RESERVES,
  },
  {
    route: 'DELETE /resource_providers/{uuid}/inventories',
    rule: 'placement:resource_providers:inventories:delete',
    since: '1.5',
    before: 405,
    answers: { '1.5..': [204] },
  },
  {
    route: 'GET /resource_providers/{uuid}/inventories/{resource_class}',
    rule: 'placement:resource_providers:inventories:show',
    since: '1.0',
    answers: { '1.0..': [200, ONE_INVENTORY] },
    dated: true,
  },
  {
    route: 'PUT /resource_providers/{uuid}/inventories/{resource_class}',
    rule: 'placement:resource_providers:inventories:update',
    since: '1.0',
    answers: { '1.0..': [200, ONE_INVENTORY] },
    dated: true,
    takes: RESERVES,
  },
  {
    route: 'DELETE /resource_providers/{uuid}/inventories/{resource_class}',
    rule: 'placement:resource_providers:inventories:delete',
    since: '1.0',
    answers: { '1.0..': [204] },
  },
  {
    route: 'GET /resource_providers/{uuid}/usages',
    rule: 'placement:resource_providers:usages',
    since: '1.0',
    answers: { '1.0..': [200, '{resource_provider_generation usages:{VCPU}}'] },
    dated: true,
  },
  {
    route: 'GET /resource_providers/{uuid}/aggregates',
    rule: 'placement:resource_providers:aggregates:list',
    since: '1.1',
    answers: {
      '1.1..1.18': [200, '{aggregates:[]}'],
      '1.19..': [200, '{aggregates:[] resource_provider_generation}'],
    },
    dated: true,
  },
  {
    route: 'PUT /resource_providers/{uuid}/aggregates',
    rule: 'placement:resource_providers:aggregates:update',
    since: '1.1',
    answers: {
      '1.1..1.18': [200, '{aggregates:[]}'],
      '1.19..': [200, '{aggregates:[] resource_provider_generation}'],
    },
    dated: true,
    takes: { 'a list': '1.1..1.18', 'a list with a generation': '1.19..' },
  },
  {
    route: 'GET /resource_providers/{uuid}/allocations',
    rule: 'placement:resource_providers:allocations:list',
    since: '1.0',
    answers: {
      '1.0..1.27': [200, `{allocations:{*:{${RESOURCES}}} resource_provider_generation}`],
      '1.28..': [200, `{allocations:{*:{consumer_generation ${RESOURCES}}} resource_provider_generation}`],
    },
    dated: true,
  },
  {
    route: 'POST /allocations',
    rule: 'placement:allocations:manage',
    since: '1.13',
    answers: { '1.13..': [204] },
    takes: {
      'a consumer generation': '1.28..',
      mappings: '1.34..',
      'a consumer type': '1.38..',
    },
  },
  {
    route: 'GET /allocations/{consumer_uuid}',
    rule: 'placement:allocations:list',
    since: '1.0',
    answers: {
      '1.0..1.11': [200, `{allocations:{*:{generation ${RESOURCES}}}}`],
      '1.12..1.27': [200, `{allocations:{*:{generation ${RESOURCES}}} project_id user_id}`],
      '1.28..1.37': [
        200,
        `{allocations:{*:{generation ${RESOURCES}}} consumer_generation project_id user_id}`,
      ],
      '1.38..': [
        200,
        `{allocations:{*:{generation ${RESOURCES}}} consumer_generation consumer_type project_id user_id}`,
      ],
    },
    dated: true,
  },
  {
    route: 'PUT /allocations/{consumer_uuid}',
    rule: 'placement:allocations:update',
    since: '1.0',
    answers: { '1.0..': [204] },
    takes: {
      'a list of allocations': '1.0..1.11',
      'no owner': '1.0..1.7',
      'an owner': '1.8..',
      'allocations by provider': '1.12..',
      ...WRITTEN_ALLOCATIONS,
    },
  },
  {
    route: 'DELETE /allocations/{consumer_uuid}',
    rule: 'placement:allocations:delete',
    since: '1.0',
    answers: { '1.0..': [204] },
  },
  {
    route: 'GET /allocation_candidates',
    rule: 'placement:allocation_candidates:list',
    since: '1.10',
    answers: {
      '1.10..1.11': [
        200,
        `{allocation_requests:[{allocations:[{resource_provider:{uuid} resources:{DISK_GB}}]}] provider_summaries:{*:{resources:{DISK_GB:{capacity used}}}}}`,
      ],
      '1.12..1.16': [
        200,
        `{allocation_requests:[{allocations:{*:{resources:{DISK_GB}}}}] provider_summaries:{*:{resources:{DISK_GB:{capacity used}}}}}`,
      ],
      '1.17..1.26': [
        200,
        `{allocation_requests:[{allocations:{*:{resources:{DISK_GB}}}}] provider_summaries:{*:{resources:{DISK_GB:{capacity used}} traits:[]}}}`,
      ],
      '1.27..1.28': [
        200,
        `{allocation_requests:[{allocations:{*:{resources:{DISK_GB}}}}] provider_summaries:{*:{resources:{DISK_GB:{capacity used} VCPU:{capacity used}} traits:[]}}}`,
      ],
      '1.29..1.33': [
        200,
        `{allocation_requests:[{allocations:{*:{resources:{DISK_GB}}}}] provider_summaries:{*:{parent_provider_uuid resources:{DISK_GB:{capacity used} VCPU:{capacity used}} root_provider_uuid traits:[]}}}`,
      ],
      '1.34..': [
        200,
        `{allocation_requests:[{allocations:{*:{resources:{DISK_GB}}} mappings:{"":[]}}] provider_summaries:{*:{parent_provider_uuid resources:{DISK_GB:{capacity used} VCPU:{capacity used}} root_provider_uuid traits:[]}}}`,
      ],
    },
    dated: true,
    takes: {
      limit: '1.16..',
      required: '1.17..',
      member_of: '1.21..',
      'a forbidden trait': '1.22..',
      'member_of twice': '1.24..',
      'numbered groups': '1.25..',
      group_policy: '1.25..',
      in_tree: '1.31..',
      'in_tree of a group': '1.31..',
      'a forbidden aggregate': '1.32..',
      'named groups': '1.33..',
      root_required: '1.35..',
      same_subtree: '1.36..',
      'a group without resources': '1.36..',
      'any of some traits': '1.39..',
    },
  },
  {
    route: 'GET /traits',
    rule: 'placement:traits:list',
    since: '1.6',
    answers: { '1.6..': [200, '{traits:[]}'] },
    dated: true,
  },
  {
    route: 'GET /traits/{name}',
    rule: 'placement:traits:show',
    since: '1.6',
    answers: { '1.6..': [204] },
    dated: true,
  },
  {
    route: 'PUT /traits/{name}',
    rule: 'placement:traits:update',
    since: '1.6',
    answers: { '1.6..': [201] },
    dated: true,
  },
  {
    route: 'DELETE /traits/{name}',
    rule: 'placement:traits:delete',
    since: '1.6',
    answers: { '1.6..': [204] },
  },
  {
    route: 'GET /resource_providers/{uuid}/traits',
    rule: 'placement:resource_providers:traits:list',
    since: '1.6',
    answers: { '1.6..': [200, '{resource_provider_generation traits:[]}'] },
    dated: true,
  },
  {
    route: 'PUT /resource_providers/{uuid}/traits',
    rule: 'placement:resource_providers:traits:update',
    since: '1.6',
    answers: { '1.6..': [200, '{resource_provider_generation traits:[]}'] },
    dated: true,
  },
  {
    route: 'DELETE /resource_providers/{uuid}/traits',
    rule: 'placement:resource_providers:traits:delete',
    since: '1.6',
    answers: { '1.6..': [204] },
  },
  {
    route: 'GET /usages',
    rule: 'placement:usages',
    since: '1.9',
    answers: {
      '1.9..1.37': [200, '{usages:{VCPU}}'],
      '1.38..': [200, '{usages:{INSTANCE:{VCPU consumer_count}}}'],
    },
    dated: true,
    takes: { 'the type of consumers': '1.38..' },
  },
  {
    route: 'POST /reshaper',
    rule: 'placement:reshaper:reshape',
    since: '1.30',
    answers: { '1.30..': [204] },
    takes: { mappings: '1.34..', 'a consumer type': '1.38..' },
  },
]
