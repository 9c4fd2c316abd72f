/** Shapes, operations and views at each side of their edges, and problems in Python's words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  compileSchema,
  during,
  type JsonSchema,
  list,
  listOr,
  nested,
  object,
  operation,
  readDateTime,
  readVersion,
  repr,
  required,
  shownSince,
  shownUntil,
  since,
  str,
  t,
  until,
  versionOf,
  view,
  wrapped,
} from './index.ts'

const create = operation({
  path: 'POST /things',
  status: { '..2.1': 200, '2.2..': 201 },
  body: wrapped(
    'thing',
    object({
      name: required(t.name),
      size: t.integer({ minimum: 1 }),
      description: since('2.19', t.description),
      nets: during({ '..2.36': list(t.uuid), '2.37..': required(listOr(list(t.uuid), 'auto', 'none')) }),
      files: until('2.56', list(t.string())),
    }),
  ),
  behaviours: { netsRequired: '2.37..' },
})

const problemAt = (version: string, body: unknown, strip = false) =>
  create.checkBody(versionOf(version), body, { strip })

test('a field holds in its range and nowhere else', () => {
  const accepts = (version: string, thing: object) =>
    problemAt(version, { thing: { name: 'n', ...thing } }) === undefined
  assert.equal(accepts('2.18', { description: 'x' }), false)
  assert.equal(accepts('2.19', { description: null }), true)
  assert.equal(accepts('2.36', {}), true)
  assert.equal(accepts('2.37', {}), false)
  assert.equal(accepts('2.36', { nets: 'auto' }), false)
  assert.equal(accepts('2.56', { nets: 'auto', files: [] }), true)
  assert.equal(accepts('2.57', { nets: 'auto', files: [] }), false)
  assert.equal(create.statusAt(versionOf('2.1')), 200)
  assert.equal(create.statusAt(versionOf('2.2')), 201)
  assert.deepEqual(create.behavioursAt(versionOf('2.36')), { netsRequired: false })
  assert.deepEqual(create.behavioursAt(versionOf('2.104')), { netsRequired: true })
})

test('ranges that overlap fail when they are declared', () => {
  assert.throws(() => during({ '..2.36': t.uuid, '2.36..': t.name }), /overlap at 2\.36/)
  assert.throws(() => during({ '2.9..2.3': t.uuid }), /empty range/)
})

test('problems are told in the words of Python', () => {
  const table: [unknown, string][] = [
    [{}, "'thing' is a required property"],
    [[], "[] is not of type 'object'"],
    [{ thing: { name: '' } }, "'' is too short"],
    [{ thing: { name: 'n', size: 'abc' } }, "'abc' does not match '^[0-9]+$'"],
    [{ thing: { name: 'n', size: '0' } }, '0 is less than the minimum of 1'],
    [{ thing: { name: 'n', size: 1.5 } }, "1.5 is not of type 'integer', 'string'"],
    [
      { thing: { name: 'n', b: 2, a: 1 } },
      "Additional properties are not allowed ('a', 'b' were unexpected)",
    ],
    [{ thing: { name: 'n', nets: ['x'] } }, "'x' is not a 'uuid'"],
    [
      { thing: { name: ' n' } },
      "An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with whitespace.",
    ],
  ]
  for (const [body, message] of table) assert.equal(problemAt('2.1', body)?.message, message)
  assert.equal(repr({ a: [null, true, "it's"], 'é\n': 1.5 }), `{'a': [None, True, "it's"], 'é\\n': 1.5}`)
  assert.equal(str('plain'), 'plain')
})

test('stripping removes what is unknown, at every depth, and keeps the rest', () => {
  const body = { other: 1, thing: { name: 'n', what: 2 } }
  assert.equal(problemAt('2.0', body, true), undefined)
  assert.deepEqual(body, { thing: { name: 'n' } })
})

test('a query of unknown names says which', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: { limit: { type: 'array', items: { type: 'string' }, maxItems: 1 } },
    patternProperties: { '^_': {} },
    additionalProperties: false,
  }
  const check = compileSchema(schema)
  assert.equal(
    check({ nope: ['1'] }, { strip: false })?.message,
    "'nope' does not match any of the regexes: '^_'",
  )
  assert.equal(check({ limit: ['1', '2'] }, { strip: false })?.message, "['1', '2'] is too long")
})

test('a view shows each field in its range, and views nest', () => {
  const inner = view<{ n: number }>({
    n: (row) => row.n,
    half: shownSince('2.5', (row) => row.n / 2),
  })
  const outer = view<{ id: string; inner: { n: number } }>({
    id: (row) => row.id,
    old: shownUntil('2.3', () => 'old'),
    gone: () => undefined,
    inner: nested(inner, (row) => row.inner),
  })
  const row = { id: 'x', inner: { n: 4 } }
  assert.deepEqual(outer.at(versionOf('2.3'))(row, undefined), { id: 'x', old: 'old', inner: { n: 4 } })
  assert.deepEqual(outer.at(versionOf('2.5'))(row, undefined), { id: 'x', inner: { n: 4, half: 2 } })
  assert.equal(outer.at(versionOf('2.6')), outer.at(versionOf('2.104')))
})

test('versions and times are read strictly', () => {
  for (const bad of ['2', '2.01', 'v2.1', '2.1.1', '', '2.-1', ' 2.1'])
    assert.equal(readVersion(bad), undefined, bad)
  assert.ok(versionOf('2.10') > versionOf('2.9'))
  assert.equal(readDateTime('2012-08-20T21:11:09Z'), Date.UTC(2012, 7, 20, 21, 11, 9))
  assert.equal(readDateTime('2012-08-20 21:11:09.5+02:00'), Date.UTC(2012, 7, 20, 19, 11, 9, 500))
  for (const bad of ['2012-02-30', 'nope', '2012-13-01', '2012-01-01T25:00'])
    assert.equal(readDateTime(bad), undefined, bad)
})

test('whatever is sent gets a verdict, never a crash', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const problem = problemAt('2.50', value)
      assert.equal(typeof (problem?.message ?? ''), 'string')
    }),
    { seed: 7, numRuns: 200 },
  )
  const deep: unknown = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000))
  assert.match(problemAt('2.50', deep)?.message ?? '', /is not of type 'object'/)
})
