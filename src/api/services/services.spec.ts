/** What requests about services look like, at each microversion. */
import { during, many, object, operation, query, required, since, t } from '#lib/versioned/index.ts'

export const listServices = operation({
  path: 'GET /os-services',
  policy: 'os_compute_api:os-services:list',
  query: query({ host: many(), binary: many() }, { strictSince: '2.75' }),
})

const REASON = { minLength: 1, maxLength: 255 } as const

export const updateService = operation({
  path: 'PUT /os-services/{id}',
  policy: 'os_compute_api:os-services:update',
  body: object({
    host: during({ '..2.52': required(t.hostname) }),
    binary: during({ '..2.52': required(t.string(REASON)) }),
    status: since('2.53', t.enum('enabled', 'disabled')),
    disabled_reason: t.string(REASON),
    forced_down: since('2.11', t.flag),
  }),
  behaviours: { byUuid: '2.53..', canForceDown: '2.11..' },
})

export const removeService = operation({
  path: 'DELETE /os-services/{id}',
  status: 204,
  policy: 'os_compute_api:os-services:delete',
  behaviours: { byUuid: '2.53..' },
})
