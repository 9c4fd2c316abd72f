/** What requests about hosts look like. All of it ends at 2.42. */
import { many, object, operation, query, t } from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-hosts'
const versions = '..2.42'

export const listHosts = operation({
  path: 'GET /os-hosts',
  versions,
  policy: `${RULE}:list`,
  query: query({ zone: many() }, { additional: true }),
})

export const showHost = operation({ path: 'GET /os-hosts/{id}', versions, policy: `${RULE}:show` })

const ABLE = t.enum('enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE')

export const updateHost = operation({
  path: 'PUT /os-hosts/{id}',
  versions,
  policy: `${RULE}:update`,
  body: object(
    { status: ABLE, maintenance_mode: ABLE },
    { anyOf: [{ required: ['status'] }, { required: ['maintenance_mode'] }] },
  ),
})

export const rebootHost = operation({ path: 'GET /os-hosts/{id}/reboot', versions, policy: `${RULE}:reboot` })
export const shutDownHost = operation({
  path: 'GET /os-hosts/{id}/shutdown',
  versions,
  policy: `${RULE}:shutdown`,
})
export const startHost = operation({ path: 'GET /os-hosts/{id}/startup', versions, policy: `${RULE}:start` })
