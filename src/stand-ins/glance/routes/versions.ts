/** Version discovery, schema documents, and what Glance says it cannot do. */
import { badRequest, notFound } from '#lib/fault.ts'
import { FIELDS } from '../fields.ts'
import { MEMBER_STATUSES } from '../tables.ts'
import type { Routes } from './context.ts'

const NEWEST = 17

export function addVersionRoutes({ app, selfUrl }: Routes): void {
  const version = (minor: number) => ({
    id: `v2.${minor}`,
    status: minor === NEWEST ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${selfUrl()}/v2/` }],
  })
  const versions = () => ({
    versions: Array.from({ length: NEWEST + 1 }, (_unused, index) => version(NEWEST - index)),
  })
  app.get('/', async (_request, reply) => reply.code(300).send(versions()))
  app.get('/v2', async (_request, reply) => reply.code(300).send(versions()))
  app.get('/versions', async () => versions())
}

const TEXT = { type: 'string' }
const imageSchema = {
  name: 'image',
  properties: Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, field.schema])),
  additionalProperties: TEXT,
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
}
const memberSchema = {
  name: 'member',
  properties: {
    member_id: TEXT,
    image_id: TEXT,
    created_at: TEXT,
    updated_at: TEXT,
    status: { type: 'string', enum: MEMBER_STATUSES },
    schema: { readOnly: true, type: 'string' },
  },
}
const listSchema = (name: string, item: object) => ({
  name,
  properties: { [name]: { type: 'array', items: item }, first: TEXT, next: TEXT, schema: TEXT },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
})

const SCHEMAS: Readonly<Record<string, object>> = {
  image: imageSchema,
  images: listSchema('images', imageSchema),
  member: memberSchema,
  members: listSchema('members', memberSchema),
}

export function addInfoRoutes(routes: Routes): void {
  const { app } = routes
  app.get('/v2/schemas/:name', async (request) => {
    await routes.caller(request)
    const { name } = request.params as { name: string }
    if (!Object.hasOwn(SCHEMAS, name)) throw notFound('The resource could not be found.')
    return SCHEMAS[name]
  })
  app.get('/v2/info/import', async (request) => {
    await routes.caller(request)
    return { 'import-methods': { description: 'Import methods available.', type: 'array', value: [] } }
  })
  app.get('/v2/info/stores', async (request) => {
    await routes.caller(request)
    throw notFound('Multi backend is not supported at this site.')
  })
  app.post('/v2/images/:id/import', async (request) => {
    await routes.caller(request)
    throw badRequest('Image import is not enabled here: upload the data.')
  })
}
