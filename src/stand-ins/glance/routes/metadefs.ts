/** Metadata definitions: this Glance has none, and says so to the dashboards and clients that list them. */
import { notFound } from '#lib/fault.ts'
import { param, type Routes } from './context.ts'

const text = (maxLength?: number) => ({ type: 'string', ...(maxLength !== undefined && { maxLength }) })
const namespaceSchema = {
  name: 'namespace',
  properties: {
    namespace: text(80),
    display_name: text(80),
    description: text(500),
    visibility: { type: 'string', enum: ['public', 'private'] },
    protected: { type: 'boolean' },
    owner: text(255),
    created_at: { type: 'string', readOnly: true, format: 'date-time' },
    updated_at: { type: 'string', readOnly: true, format: 'date-time' },
    schema: { readOnly: true, type: 'string' },
    self: { readOnly: true, type: 'string' },
    resource_type_associations: { type: 'array', items: { type: 'object' } },
    properties: { type: 'object' },
    objects: { type: 'array', items: { type: 'object' } },
    tags: { type: 'array', items: { type: 'object' } },
  },
  additionalProperties: false,
  required: ['namespace'],
}

/** By name below `/v2/schemas/metadefs`. */
const SCHEMAS: Readonly<Record<string, object>> = {
  namespace: namespaceSchema,
  namespaces: {
    name: 'namespaces',
    properties: {
      namespaces: { type: 'array', items: namespaceSchema },
      first: text(),
      next: text(),
      schema: text(),
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  },
}

const NAMESPACES = '/v2/metadefs/namespaces'

export function addMetadefRoutes(routes: Routes): void {
  const { app } = routes
  app.get('/v2/schemas/metadefs/:name', async (request) => {
    await routes.caller(request)
    const name = param(request, 'name')
    if (!Object.hasOwn(SCHEMAS, name)) throw notFound('The resource could not be found.')
    return SCHEMAS[name]
  })
  app.get(NAMESPACES, async (request) => {
    await routes.caller(request)
    const query = /\?.*$/.exec(request.url)?.[0] ?? ''
    return { namespaces: [], schema: '/v2/schemas/metadefs/namespaces', first: `${NAMESPACES}${query}` }
  })
  app.get('/v2/metadefs/resource_types', async (request) => {
    await routes.caller(request)
    return { resource_types: [] }
  })
  for (const rest of ['', '/properties', '/objects', '/tags', '/resource_types'])
    app.get(`${NAMESPACES}/:name${rest}`, async (request) => {
      await routes.caller(request)
      throw notFound(`Metadata definition namespace=${param(request, 'name')} was not found.`)
    })
}
