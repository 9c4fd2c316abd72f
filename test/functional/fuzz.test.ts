/**
 * Every route of the compute API gets nonsense, made from its own schemas so that much of it comes far: never a
 * server error, always a body in the API's shape. Seeded, so that what failed once fails again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { apiRoutes } from '#api/index.ts'
import { formatVersion, includes, type JsonSchema, type Operation, versionOf } from '#lib/versioned/index.ts'
import { testServices } from './api/compute-api.ts'
import { activeServer, askOk, privateNetwork } from './ask.ts'
import { startCloud } from './whole-cloud.ts'

const SEED = 20_260_815
const RUNS = 1_500
const VERSIONS = ['2.1', '2.2', '2.26', '2.37', '2.53', '2.75', '2.90', '2.104'].map(versionOf)

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\u0000', '__proto__', 'constructor', '../..', '%', "' or 1=1 --", '9'.repeat(40)),
  fc.constantFrom('x'.repeat(256), '\u{1f600}', '\ud800', '2012-08-20T21:11:09Z', '0', '-1', 'True', 'null'),
)
const strange = fc.oneof(
  anyText,
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1,
    1e308,
    2 ** 31,
    2 ** 53,
    -(2 ** 63),
    1.5,
    [],
    {},
    [[]],
    [{}],
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Words that mean something here, for texts whose pattern or format is not looked into. */
type Words = readonly string[]

/** Values that mostly fit the schema; one in seven is anything at all. */
function near(schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fitting(schema, words), weight: 6 }, { arbitrary: strange, weight: 1 })
}

function fitting(schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  const choices = schema.oneOf ?? schema.anyOf
  if (choices && choices.length > 0 && !schema.properties)
    return fc.oneof(...choices.map((choice) => near({ ...schema, ...choice, oneOf: [], anyOf: [] }, words)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const types = schema.type === undefined ? ['string' as const] : [schema.type].flat()
  return fc.oneof(...types.map((type) => ofType(type, schema, words)))
}

function ofType(type: string, schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  if (type === 'object') return objectLike(schema, words)
  if (type === 'array') return fc.array(near(schema.items ?? {}, words), { maxLength: schema.maxItems ?? 3 })
  if (type === 'integer' || type === 'number')
    return fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 2 ** 31, 0, 1, 2, -1, 2 ** 31 - 1, 2 ** 40)
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  return fc.oneof({ arbitrary: fc.constantFrom(...words), weight: 3 }, { arbitrary: anyText, weight: 1 })
}

function objectLike(schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  const entries = Object.entries(schema.properties ?? {})
  const required = (schema.required ?? []).filter((name) => entries.some(([known]) => known === name))
  const known = fc.record(Object.fromEntries(entries.map(([name, inner]) => [name, near(inner, words)])), {
    requiredKeys: required,
  })
  const [patterned] = Object.values(schema.patternProperties ?? {})
  const free =
    patterned ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {})
  const others =
    schema.additionalProperties === false && !patterned
      ? fc.constant({})
      : fc.dictionary(fc.constantFrom('a', 'k v', 'name', '__proto__', 'x'.repeat(300)), near(free, words), {
          maxKeys: 2,
        })
  return fc.tuple(known, others).map(([first, second]) => ({ ...first, ...second }))
}

/** `a=1&a=2&b=`: parameters of the operation, near to what they may be. */
function queryOf(schema: JsonSchema | undefined, words: Words): fc.Arbitrary<string> {
  const names = [...Object.keys(schema?.properties ?? {}), 'nope', '_x']
  const parameter = fc
    .constantFrom(...names)
    .chain((name) =>
      near(schema?.properties?.[name]?.items ?? { type: 'string' }, words).map(
        (value) => `${encodeURIComponent(name)}=${encoded(value)}`,
      ),
    )
  return fc.array(parameter, { maxLength: 3 }).map((some) => (some.length > 0 ? `?${some.join('&')}` : ''))
}

const encoded = (value: unknown): string =>
  encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed())

interface Nonsense {
  readonly method: string
  readonly path: string
  readonly at: string
  readonly body: string | undefined
  readonly contentType: string
  readonly as: 'demo' | 'admin' | 'reader'
}

function nonsense(operations: readonly Operation[], words: Words): fc.Arbitrary<Nonsense> {
  const segment = fc.oneof(
    { arbitrary: fc.constantFrom(...words), weight: 4 },
    { arbitrary: anyText, weight: 1 },
  )
  return fc
    .tuple(fc.constantFrom(...operations), fc.constantFrom(...VERSIONS))
    .filter(([operation, version]) => includes(operation.range, version))
    .chain(([operation, version]) => {
      const schema = operation.bodySchemaAt(version)
      return fc.record({
        method: fc.constant(operation.method),
        path: fc
          .tuple(
            fc.array(segment, { minLength: 3, maxLength: 3 }),
            queryOf(operation.querySchemaAt(version), words),
          )
          .map(([some, query]) => {
            const left = [...some]
            return operation.path.replaceAll(/\{[^}]*\}/g, () => encoded(left.pop())) + query
          }),
        at: fc.constant(formatVersion(version)),
        body: operation.method === 'GET' ? fc.constant(undefined) : bodyOf(operation, schema, words),
        contentType: fc.oneof(
          { arbitrary: fc.constant('application/json'), weight: 12 },
          {
            arbitrary: fc.constantFrom('text/plain', 'text/xml', 'application/json; charset=latin1', 'x'),
            weight: 1,
          },
        ),
        as: fc.constantFrom('demo' as const, 'admin' as const, 'reader' as const),
      })
    })
}

function bodyOf(
  operation: Operation,
  schema: JsonSchema | undefined,
  words: Words,
): fc.Arbitrary<string | undefined> {
  const value = schema
    ? near(schema, words)
    : operation.action === undefined
      ? strange
      : fc.record({ [operation.action]: strange })
  return fc.oneof(
    { arbitrary: value.map((some) => JSON.stringify(some)), weight: 20 },
    {
      arbitrary: fc.constantFrom(undefined, '', '{', 'nul', '['.repeat(20_000), '"\\ud800"', '\u0000'),
      weight: 1,
    },
  )
}

test('nonsense gets an answer of the API, never a server error', async (t) => {
  const cloud = await startCloud(t)
  const [demo, admin, reader] = await Promise.all([cloud.as('demo'), cloud.as('admin'), cloud.as('reader')])
  const users = { demo, admin, reader }
  const server = await activeServer(demo, { networks: [{ uuid: await privateNetwork(demo) }] })
  const { images } = await demo.ok('image', 'GET', '/images')
  const { hypervisors } = await askOk(admin, 'GET /os-hypervisors')
  const words = [
    server,
    '1',
    '42',
    images[0].id,
    hypervisors[0].id,
    'fake-1',
    'nova-compute',
    'a',
    'private',
    'auto',
    '1',
  ]
  const operations = apiRoutes(testServices()).map(({ operation }) => operation)
  const seen = new Map<string, Set<number>>()

  await fc.assert(
    fc.asyncProperty(nonsense(operations, words), async ({ method, path, at, body, contentType, as }) => {
      const answer = await fetch(`${cloud.cloud.url}/v2.1${path}`, {
        method,
        headers: {
          'x-auth-token': users[as].token,
          'openstack-api-version': `compute ${at}`,
          'content-type': contentType,
        },
        ...(body !== undefined && { body }),
      })
      const text = await answer.text()
      const asked = `${as}: ${method} ${path} at ${at} ${body?.slice(0, 500)}`
      assert.ok(answer.status < 500 || answer.status === 501, `${asked}: ${answer.status} ${text}`)
      if (answer.status >= 400) assert.match(text, /"message":/, asked)
      else if (text !== '') JSON.parse(text)
      const statuses = seen.get(method) ?? new Set()
      seen.set(method, statuses.add(answer.status))
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  // Nonsense that is refused at the door proves little: some of each method came through.
  for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
    assert.ok(
      [...(seen.get(method) ?? [])].some((status) => status < 300),
      `${method} never succeeded`,
    )
})
