/** What requests about server groups look like, at each microversion. */
import {
  constant,
  LIMIT,
  many,
  object,
  operation,
  type Piece,
  query,
  required,
  since,
  switched,
  t,
  until,
  wrapped,
} from '#lib/versioned/index.ts'
import { type GroupPolicy, SOFT_GROUP_POLICIES, STRICT_GROUP_POLICIES } from '#model/server-group/index.ts'

export const listServerGroups = operation({
  path: 'GET /os-server-groups',
  policy: 'os_compute_api:os-server-groups:index',
  query: query({ all_projects: many(), limit: many(LIMIT), offset: many(LIMIT) }, { strictSince: '2.75' }),
})

const ALL_POLICIES = [...STRICT_GROUP_POLICIES, ...SOFT_GROUP_POLICIES] as const

/** A list of exactly one. */
const oneOfPolicies = (policies: readonly GroupPolicy[]): Piece<readonly GroupPolicy[]> =>
  constant({
    type: 'array',
    prefixItems: [{ type: 'string', enum: policies }],
    uniqueItems: true,
    minItems: 1,
    maxItems: 1,
  })

export const createServerGroup = operation({
  path: 'POST /os-server-groups',
  policy: 'os_compute_api:os-server-groups:create',
  body: wrapped(
    'server_group',
    object({
      name: required(t.name),
      policies: until(
        '2.63',
        required(
          switched({ '..2.14': oneOfPolicies(STRICT_GROUP_POLICIES), '2.15..': oneOfPolicies(ALL_POLICIES) }),
        ),
      ),
      policy: since('2.64', required(t.enum(...ALL_POLICIES))),
      rules: since('2.64', object({ max_server_per_host: t.positive })),
    }),
  ),
})

export const showServerGroup = operation({
  path: 'GET /os-server-groups/{id}',
  query: query({}, { strictSince: '2.102' }),
})

export const removeServerGroup = operation({ path: 'DELETE /os-server-groups/{id}', status: 204 })
