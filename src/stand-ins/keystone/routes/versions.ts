/** Version discovery: where Keystone's v3 is. */
import type { Routes } from './context.ts'

export function addVersionRoutes({ app, selfUrl }: Routes): void {
  const version = () => ({
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${selfUrl()}/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  })
  app.get('/', async (_request, reply) => reply.code(300).send({ versions: { values: [version()] } }))
  app.get('/v3', async () => ({ version: version() }))
}
