/** What requests about the inside of a server look like: its diagnostics, topology, password, moves and shares. */
import { object, operation, query, required, t, wrapped } from '#lib/versioned/index.ts'

const SERVER = '/servers/{server_id}'
const noQuery = query({}, { strictSince: '2.102' })
const noQueryEver = query({})

export const showDiagnostics = operation({
  path: `GET ${SERVER}/diagnostics`,
  query: noQuery,
  behaviours: { alike: '2.48..' },
})
export const showTopology = operation({ path: `GET ${SERVER}/topology`, versions: '2.78..', query: noQuery })
export const showPassword = operation({ path: `GET ${SERVER}/os-server-password`, query: noQuery })
export const clearPassword = operation({ path: `DELETE ${SERVER}/os-server-password`, status: 204 })

export const listServerMigrations = operation({
  path: `GET ${SERVER}/migrations`,
  versions: '2.23..',
  query: noQuery,
})
export const showServerMigration = operation({
  path: `GET ${SERVER}/migrations/{id}`,
  versions: '2.23..',
  query: noQuery,
})
export const abortServerMigration = operation({
  path: `DELETE ${SERVER}/migrations/{id}`,
  versions: '2.24..',
  status: 202,
  behaviours: { whileQueued: '2.65..' },
})
export const forceServerMigration = operation({
  path: `POST ${SERVER}/migrations/{id}/action`,
  action: 'force_complete',
  versions: '2.22..',
  status: 202,
  body: wrapped('force_complete', t.null),
})

const share = { versions: '2.97..' } as const
export const listShares = operation({ ...share, path: `GET ${SERVER}/shares`, query: noQueryEver })
export const showShare = operation({ ...share, path: `GET ${SERVER}/shares/{id}`, query: noQueryEver })
export const addShare = operation({
  ...share,
  path: `POST ${SERVER}/shares`,
  status: 201,
  body: wrapped(
    'share',
    object({
      share_id: required(t.uuid),
      tag: t.string({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' }),
    }),
  ),
})
export const removeShare = operation({ ...share, path: `DELETE ${SERVER}/shares/{id}` })
