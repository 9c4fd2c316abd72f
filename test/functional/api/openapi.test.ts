/** The API in OpenAPI: what it says of requests is what the API takes, and its history tells what changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { IMAGE_ID, startApi } from './compute-api.ts'

interface Document {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, MethodOf>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}
interface MethodOf {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } }
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

const LOOSE = { strict: false, validateFormats: false, logger: false } as const
const VERSIONS = ['2.1', '2.104']
const path = (version: string) => `GET //kilonova/openapi/${version}.json`

test('documents are whole: references lead somewhere, names are their own, schemas compile', async (t) => {
  const { send } = await startApi(t)
  for (const version of VERSIONS) {
    const answer = await send(path(version), { as: null })
    assert.equal(answer.status, 200, answer.text)
    const document = answer.body as unknown as Document
    assert.deepEqual([document.openapi, document.info.version], ['3.1.0', version])
    for (const [, name] of answer.text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      assert.ok(document.components.schemas[name ?? ''], `${version}: ${name}`)
    const methods = Object.entries(document.paths).flatMap(([at, some]) =>
      Object.entries(some).flatMap(([method, what]) => (method === 'parameters' ? [] : [{ at, what }])),
    )
    const ids = methods.map(({ what }) => what.operationId)
    assert.deepEqual(ids.length, new Set(ids).size)
    const ajv = new Ajv2020(LOOSE)
    for (const { at, what } of methods) {
      assert.ok(Object.keys(what.responses).length > 1, at)
      if (what.requestBody && version === '2.104')
        ajv.compile(what.requestBody.content['application/json'].schema)
    }
    if (version === '2.104')
      ajv.compile({ components: document.components, oneOf: Object.values(document.components.schemas) })
  }
})

test('a document is of its version, and what it takes the API takes', async (t) => {
  const { send } = await startApi(t)
  const of = async (version: string) => (await send(path(version))).body as unknown as Document
  const [old, recent] = [await of('2.1'), await of('2.104')]
  assert.ok('/servers/{server_id}/tags' in recent.paths && !('/servers/{server_id}/tags' in old.paths))
  assert.ok(!('/os-agents' in recent.paths), 'what is gone is not told')
  const create = (document: Document) => {
    const schema = document.paths['/servers']?.['post']?.requestBody?.content['application/json'].schema
    return new Ajv2020(LOOSE).compile(schema ?? {})
  }
  const server = { name: 's', imageRef: IMAGE_ID, flavorRef: '42' }
  assert.equal(create(old)({ server }), true)
  assert.equal(create(recent)({ server }), false)
  assert.equal(create(recent)({ server: { ...server, networks: 'none' } }), true)
  const query = recent.paths['/servers']?.['get']?.parameters?.map(({ name }) => name) ?? []
  assert.ok(query.includes('marker') && query.includes('limit'))
  assert.equal(((await send(path('latest'))).body as unknown as Document).info.version, '2.104')
  for (const wrong of ['2.0', '2.105', 'x', '3.1']) assert.equal((await send(path(wrong))).status, 404, wrong)
})

test('the history tells what each version brought, to programs and to people', async (t) => {
  const { send } = await startApi(t)
  const { versions } = (await send('GET //kilonova/openapi', { as: null })).body as {
    versions: { version: string; href: string; changes: { route: string; what: string[] }[] }[]
  }
  assert.equal(versions.length, 104)
  const at = (version: string) => versions.find((each) => each.version === version)?.changes ?? []
  const has = (version: string, route: string, what: string) =>
    at(version).some((change) => change.route === route && change.what.includes(what))
  assert.ok(has('2.26', 'GET /servers/{}/tags', 'new'))
  assert.ok(has('2.88', 'GET /os-hypervisors/statistics', 'ended'))
  assert.ok(has('2.37', 'POST /servers', 'body'))
  assert.ok(has('2.19', 'GET /servers/{}', 'answer'))
  const page = await send('GET //kilonova/openapi', { headers: { accept: 'text/html' } })
  assert.match(page.text, /<a href="[^"]*\/kilonova\/openapi\/2\.26\.json">2\.26<\/a>/)
})
