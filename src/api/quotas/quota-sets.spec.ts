/** What requests about quota sets look like, at each microversion. */
import { many, object, operation, query, t, until, wrapped } from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-quota-sets'
const PATH = '/os-quota-sets/{id}'
const LIMIT = t.integer({ minimum: -1, maximum: 0x7fffffff, pattern: '^-?[0-9]+$' })

const ofUser = query({ user_id: many() }, { strictSince: '2.75' })

export const showQuotaSet = operation({ path: `GET ${PATH}`, query: ofUser })
export const showQuotaSetDetail = operation({ path: `GET ${PATH}/detail`, query: ofUser })
export const showQuotaSetDefaults = operation({ path: `GET ${PATH}/defaults`, policy: `${RULE}:defaults` })
export const removeQuotaSet = operation({ path: `DELETE ${PATH}`, status: 202, query: ofUser })

export const updateQuotaSet = operation({
  path: `PUT ${PATH}`,
  query: ofUser,
  body: wrapped(
    'quota_set',
    object({
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
      floating_ips: until('2.35', LIMIT),
      fixed_ips: until('2.35', LIMIT),
      security_groups: until('2.35', LIMIT),
      security_group_rules: until('2.35', LIMIT),
      force: t.flag,
    }),
  ),
})
