/** What requests about limits, quota sets and quota class sets look like, at each microversion. */
import { many, object, operation, query, t, until, wrapped } from '#lib/versioned/index.ts'

export const showLimits = operation({
  path: 'GET /limits',
  policy: 'os_compute_api:limits',
  query: query({ tenant_id: many() }, { strictSince: '2.75' }),
})

const RULE = 'os_compute_api:os-quota-sets'
const PATH = '/os-quota-sets/{id}'
const LIMIT = t.integer({ minimum: -1, maximum: 0x7fffffff, pattern: '^-?[0-9]+$' })

const ofUser = query({ user_id: many() }, { strictSince: '2.75' })

export const showQuotaSet = operation({ path: `GET ${PATH}`, query: ofUser })
export const showQuotaSetDetail = operation({ path: `GET ${PATH}/detail`, query: ofUser })
export const showQuotaSetDefaults = operation({ path: `GET ${PATH}/defaults`, policy: `${RULE}:defaults` })
export const removeQuotaSet = operation({ path: `DELETE ${PATH}`, status: 202, query: ofUser })

const limits = {
  instances: LIMIT,
  cores: LIMIT,
  ram: LIMIT,
  metadata_items: LIMIT,
  key_pairs: LIMIT,
  server_groups: LIMIT,
  server_group_members: LIMIT,
  injected_files: until('2.56', LIMIT),
  injected_file_content_bytes: until('2.56', LIMIT),
  injected_file_path_bytes: until('2.56', LIMIT),
}

const networkLimitsUntil = (version: string) => ({
  floating_ips: until(version, LIMIT),
  fixed_ips: until(version, LIMIT),
  security_groups: until(version, LIMIT),
  security_group_rules: until(version, LIMIT),
})

export const updateQuotaSet = operation({
  path: `PUT ${PATH}`,
  query: ofUser,
  body: wrapped('quota_set', object({ ...limits, ...networkLimitsUntil('2.35'), force: t.flag })),
})

const CLASS_PATH = '/os-quota-class-sets/{id}'

export const showQuotaClass = operation({
  path: `GET ${CLASS_PATH}`,
  policy: 'os_compute_api:os-quota-class-sets:show',
  query: query({}, { strictSince: '2.102' }),
})

export const updateQuotaClass = operation({
  path: `PUT ${CLASS_PATH}`,
  policy: 'os_compute_api:os-quota-class-sets:update',
  body: wrapped('quota_class_set', object({ ...limits, ...networkLimitsUntil('2.49') })),
})
