/** What requests about flavors look like, at each microversion. */
import {
  constant,
  during,
  LIMIT,
  many,
  object,
  operation,
  query,
  required,
  since,
  t,
  until,
  wrapped,
} from '#lib/versioned/index.ts'

const SORT_KEYS = [
  'created_at',
  'description',
  'disabled',
  'ephemeral_gb',
  'flavorid',
  'id',
  'is_public',
  'memory_mb',
  'name',
  'root_gb',
  'rxtx_factor',
  'swap',
  'updated_at',
  'vcpu_weight',
  'vcpus',
]

const sortKeys = (keys: readonly string[]) => many({ type: 'string', enum: keys })

export const listQuery = query(
  {
    limit: many(LIMIT),
    marker: many(),
    is_public: many(),
    minRam: many(),
    minDisk: many(),
    sort_key: during({
      '..2.101': sortKeys(SORT_KEYS),
      '2.102..': sortKeys(SORT_KEYS.filter((key) => key !== 'rxtx_factor')),
    }),
    sort_dir: many({ type: 'string', enum: ['asc', 'desc'] }),
    name: since('2.102', many()),
  },
  { strictSince: '2.75' },
)

const noQuery = query({}, { strictSince: '2.102' })

export const listFlavors = operation({ path: 'GET /flavors', query: listQuery })
export const detailFlavors = operation({ path: 'GET /flavors/detail', query: listQuery })
export const showFlavor = operation({ path: 'GET /flavors/{id}', query: noQuery })

const description = constant<string | null>({
  type: ['string', 'null'],
  minLength: 0,
  maxLength: 65_535,
  pattern: '^[^\\p{C}\\p{Zl}\\p{Zp}\\u{10000}-\\u{10FFFF}]*$',
})
const amount = (minimum: number) => t.integer({ minimum, maximum: 2_147_483_647 })

export const createFlavor = operation({
  path: 'POST /flavors',
  policy: 'os_compute_api:os-flavor-manage:create',
  body: wrapped(
    'flavor',
    object({
      name: during({ '..2.0': required(t.looseName), '2.1..': required(t.name) }),
      id: constant<string | number | null>({
        type: ['string', 'number', 'null'],
        minLength: 1,
        maxLength: 255,
        pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$',
      }),
      ram: required(amount(1)),
      vcpus: required(amount(1)),
      disk: required(amount(0)),
      'OS-FLV-EXT-DATA:ephemeral': amount(0),
      swap: amount(0),
      rxtx_factor: until(
        '2.101',
        constant<number | string>({
          type: ['number', 'string'],
          pattern: '^[0-9]+(\\.[0-9]+)?$',
          exclusiveMinimum: 0,
          maximum: 3.40282e38,
        }),
      ),
      'os-flavor-access:is_public': t.flag,
      description: since('2.55', description),
    }),
  ),
})

export const updateFlavor = operation({
  path: 'PUT /flavors/{id}',
  versions: '2.55..',
  policy: 'os_compute_api:os-flavor-manage:update',
  body: wrapped('flavor', object({ description: required(description) })),
})

export const deleteFlavor = operation({
  path: 'DELETE /flavors/{id}',
  policy: 'os_compute_api:os-flavor-manage:delete',
  status: 202,
})

const tenant = object({ tenant: required(t.string({ minLength: 1, maxLength: 255 })) })

export const listAccess = operation({
  path: 'GET /flavors/{flavor_id}/os-flavor-access',
  policy: 'os_compute_api:os-flavor-access',
  query: noQuery,
})

export const addAccess = operation({
  path: 'POST /flavors/{id}/action',
  action: 'addTenantAccess',
  policy: 'os_compute_api:os-flavor-access:add_tenant_access',
  body: wrapped('addTenantAccess', tenant),
  behaviours: { publicRefused: '2.7..' },
})

export const removeAccess = operation({
  path: 'POST /flavors/{id}/action',
  action: 'removeTenantAccess',
  policy: 'os_compute_api:os-flavor-access:remove_tenant_access',
  body: wrapped('removeTenantAccess', tenant),
})

const SPEC_NAME = '^[a-zA-Z0-9-_:. ]{1,255}$'
const specValue = constant<string | number>({ type: ['string', 'number'], maxLength: 255 })

export const listExtraSpecs = operation({
  path: 'GET /flavors/{flavor_id}/os-extra_specs',
  policy: 'os_compute_api:os-flavor-extra-specs:index',
  query: noQuery,
})

export const showExtraSpec = operation({
  path: 'GET /flavors/{flavor_id}/os-extra_specs/{id}',
  policy: 'os_compute_api:os-flavor-extra-specs:show',
  query: noQuery,
})

export const createExtraSpecs = operation({
  path: 'POST /flavors/{flavor_id}/os-extra_specs',
  policy: 'os_compute_api:os-flavor-extra-specs:create',
  body: wrapped('extra_specs', t.map(SPEC_NAME, specValue)),
  behaviours: { valuesChecked: '2.86..' },
})

export const updateExtraSpec = operation({
  path: 'PUT /flavors/{flavor_id}/os-extra_specs/{id}',
  policy: 'os_compute_api:os-flavor-extra-specs:update',
  body: t.map(SPEC_NAME, specValue, { minProperties: 1, maxProperties: 1 }),
  behaviours: { valuesChecked: '2.86..' },
})

export const deleteExtraSpec = operation({
  path: 'DELETE /flavors/{flavor_id}/os-extra_specs/{id}',
  policy: 'os_compute_api:os-flavor-extra-specs:delete',
})
