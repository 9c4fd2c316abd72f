/** Extensions: lists them, and shows one. */
import { type Route, serve } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import { operation, query } from '#lib/versioned/index.ts'
import { EXTENSIONS } from './known.ts'

const POLICY = 'os_compute_api:extensions'
const NO_QUERY = query({}, { strictSince: '2.102' })

const listExtensions = operation({ path: 'GET /extensions', policy: POLICY, query: NO_QUERY })
const showExtension = operation({ path: 'GET /extensions/{id}', policy: POLICY, query: NO_QUERY })

const all = EXTENSIONS.map(([alias, name, description]) => ({
  alias,
  name,
  description,
  namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: '2014-12-03T00:00:00Z',
  links: [],
}))
const byAlias = new Map(all.map((extension) => [extension.alias, extension]))

export const extensionRoutes: readonly Route[] = [
  serve(listExtensions, () => ({ body: { extensions: all } })),
  serve(showExtension, (call) => {
    const extension = byAlias.get(call.params.id ?? '')
    if (!extension) throw notFound('The resource could not be found.')
    return { body: { extension } }
  }),
]
