/** The version document. */
import { operation } from '#lib/versioned/index.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { MAX_VERSION, MIN_VERSION } from './version.ts'

const showVersions = operation({ path: 'GET /' })

export const rootEndpoints: readonly Endpoint[] = [
  endpoint(showVersions, async () => ({
    body: {
      versions: [
        {
          id: 'v1.0',
          max_version: MAX_VERSION,
          min_version: MIN_VERSION,
          // A mount path without a trailing slash would lead clients astray; '' is this document.
          links: [{ rel: 'self', href: '' }],
          status: 'CURRENT',
        },
      ],
    },
  })),
]
