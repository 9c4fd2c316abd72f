/** What requests about parts of a server look like: addresses, metadata, tags. */
import { constant, list, object, operation, query, required, t, wrapped } from '#lib/versioned/index.ts'

const noQuery = query({}, { strictSince: '2.102' })
const anyQuery = query({}, { additional: true })

export const listAddresses = operation({ path: 'GET /servers/{server_id}/ips', query: noQuery })
export const showAddresses = operation({ path: 'GET /servers/{server_id}/ips/{id}', query: noQuery })

const KEY = '^[a-zA-Z0-9-_:. ]{1,255}$'
const value = t.string({ maxLength: 255 })
const allMetadata = wrapped('metadata', t.map(KEY, value))

export const listMetadata = operation({ path: 'GET /servers/{server_id}/metadata', query: noQuery })
export const showMetadata = operation({ path: 'GET /servers/{server_id}/metadata/{id}', query: noQuery })
export const addMetadata = operation({ path: 'POST /servers/{server_id}/metadata', body: allMetadata })
export const replaceMetadata = operation({ path: 'PUT /servers/{server_id}/metadata', body: allMetadata })
export const setMetadata = operation({
  path: 'PUT /servers/{server_id}/metadata/{id}',
  body: wrapped('meta', t.map(KEY, value, { minProperties: 1, maxProperties: 1 })),
})
export const removeMetadata = operation({ path: 'DELETE /servers/{server_id}/metadata/{id}', status: 204 })

const tag = t.string({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })
const tags = constant<readonly string[]>({ ...list(tag).schemaAt(0), maxItems: 50 })
const tagged = { versions: '2.26..', query: anyQuery } as const

export const listTags = operation({ ...tagged, path: 'GET /servers/{server_id}/tags' })
export const showTag = operation({ ...tagged, path: 'GET /servers/{server_id}/tags/{id}', status: 204 })
export const replaceTags = operation({
  versions: '2.26..',
  path: 'PUT /servers/{server_id}/tags',
  body: object({ tags: required(tags) }),
})
export const addTag = operation({
  versions: '2.26..',
  path: 'PUT /servers/{server_id}/tags/{id}',
  status: 204,
  body: t.null,
})
export const removeTags = operation({
  versions: '2.26..',
  path: 'DELETE /servers/{server_id}/tags',
  status: 204,
})
export const removeTag = operation({
  versions: '2.26..',
  path: 'DELETE /servers/{server_id}/tags/{id}',
  status: 204,
})
