/** Discovery: which APIs are served here, in the documents that clients read first. */
import { formatVersion } from '#lib/versioned/index.ts'
import { MAX_VERSION, MIN_VERSION } from '#api/kernel/index.ts'

interface Api {
  readonly id: string
  readonly path: string
  readonly status: string
  readonly version: string
  readonly minVersion: string
  readonly updated: string
  readonly mediaVersion: string
}

const APIS: readonly Api[] = [
  {
    id: 'v2.0',
    path: 'v2',
    status: 'DEPRECATED',
    version: '',
    minVersion: '',
    updated: '2025-07-04T12:00:00Z',
    mediaVersion: '2',
  },
  {
    id: 'v2.1',
    path: 'v2.1',
    status: 'CURRENT',
    version: formatVersion(MAX_VERSION),
    minVersion: formatVersion(MIN_VERSION),
    updated: '2013-07-23T11:33:21Z',
    mediaVersion: '2.1',
  },
]

const selfLink = (root: string, path: string) => ({ rel: 'self', href: `${root}/${path}` })

const mediaTypes = (api: Api) => [
  { base: 'application/json', type: `application/vnd.openstack.compute+json;version=${api.mediaVersion}` },
]

const factsOf = (api: Api) => ({
  status: api.status,
  version: api.version,
  min_version: api.minVersion,
  updated: api.updated,
})

/** All APIs: the document at `/`. */
export const allVersions = (root: string): object => ({
  versions: APIS.map((api) => ({ id: api.id, links: [selfLink(root, `${api.path}/`)], ...factsOf(api) })),
})

/** One API: the document at `/v2.1/`; undefined when there is no such API. */
export function oneVersion(root: string, id: string): object | undefined {
  const api = APIS.find((candidate) => candidate.id === id || candidate.path === id)
  if (!api) return undefined
  const describedBy = { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }
  const links = [selfLink(root, `${api.path}/`), describedBy]
  return { version: { id: api.id, links, 'media-types': mediaTypes(api), ...factsOf(api) } }
}

/** The answer (300) to a path that is no API's: the same path below each. */
export const choices = (root: string, path: string): object => ({
  choices: APIS.map((api) => ({
    id: api.id,
    status: api.status,
    links: [selfLink(root, [api.path, ...path.split('/').filter((part) => part !== '')].join('/'))],
    'media-types': mediaTypes(api),
  })),
})
