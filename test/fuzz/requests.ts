/**
 * Requests full of nonsense for every operation: bodies near to what the schema of the version takes, and Nova's
 * samples bent, in the name of many callers. `{{server}}` and the like stand for what is there when it is sent.
 */
import * as fc from 'fast-check'
import { formatVersion, includes, type JsonSchema, type Operation, versionOf } from '#lib/versioned/index.ts'
import { goodBody } from '../asks/bodies.ts'
import { thingAfter } from '../asks/paths.ts'
import { keyOf } from '../parity/facts.ts'
import { anyText, near, strange, type Words } from './values.ts'

export interface Nonsense {
  readonly operation: Operation
  readonly method: string
  /** With the query. */
  readonly path: string
  /** A microversion; `2.0` is the old `/v2`. */
  readonly at: string
  readonly body: string | undefined
  readonly contentType: string
  /** Whose token, by name. */
  readonly as: string
}

export interface Told {
  /** Words that mean something there, for texts whose pattern or format is not looked into. */
  readonly words: Words
  /** Tokens. */
  readonly callers: readonly string[]
  /** Bodies that were good once, by route. */
  readonly samples: ReadonlyMap<string, readonly unknown[]>
}

const VERSIONS = Array.from({ length: 105 }, (_, index) => versionOf(`2.${index}`))

/** Requests to these operations, all equally likely. */
export function nonsense(operations: readonly Operation[], told: Told): fc.Arbitrary<Nonsense> {
  const made = new Map<string, fc.Arbitrary<Nonsense>>()
  const pairs = operations.map((operation) => ({
    operation,
    versions: VERSIONS.filter((version) => includes(operation.range, Math.max(version, versionOf('2.1')))),
  }))
  return fc
    .constantFrom(...pairs.flatMap((pair) => Array<typeof pair>(weightOf(pair.operation)).fill(pair)))
    .chain(({ operation, versions }) => fc.tuple(fc.constant(operation), fc.constantFrom(...versions)))
    .chain(([operation, version]) => {
      const key = `${keyOf(operation)} ${version} ${formatVersion(operation.range.from)}`
      const known = made.get(key) ?? requestsAt(operation, version, told)
      made.set(key, known)
      return known
    })
}

/** What is gone says so, whatever is sent: a few of those are enough. Bodies are where most can go wrong. */
const weightOf = (operation: Operation): number => {
  const version = Math.max(operation.range.from, versionOf('2.1'))
  if (operation.statusAt(version) === 410) return 1
  return operation.bodySchemaAt(version) ? 30 : 12
}

function requestsAt(operation: Operation, version: number, told: Told): fc.Arbitrary<Nonsense> {
  const query = queryOf(operation.querySchemaAt(version), told.words)
  const path = fc.tuple(pathOf(operation.path, told.words), query).map((parts) => parts.join(''))
  return fc.record({
    operation: fc.constant(operation),
    method: fc.constant(operation.method),
    path,
    at: fc.constant(formatVersion(version)),
    body: operation.method === 'GET' ? fc.constant(undefined) : bodyOf(operation, version, told),
    contentType: fc.oneof(
      { arbitrary: fc.constant('application/json'), weight: 12 },
      {
        arbitrary: fc.constantFrom('text/plain', 'text/xml', 'application/json; charset=latin1', 'x'),
        weight: 1,
      },
    ),
    as: fc.constantFrom(...told.callers),
  })
}

function pathOf(path: string, words: Words): fc.Arbitrary<string> {
  const segments = path.split('/').map((segment, index, all) => {
    if (!segment.startsWith('{')) return fc.constant(segment)
    const likely = thingAfter(all[index - 1])
    return fc.oneof(
      { arbitrary: fc.constant(likely), weight: 6 },
      { arbitrary: fc.constantFrom(...words), weight: 2 },
      { arbitrary: anyText.map(encoded), weight: 1 },
    )
  })
  return fc.tuple(...segments).map((parts) => parts.join('/'))
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

const encoded = (value: unknown): string => {
  const text = (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed()
  return /^\{\{\w+\}\}$/.test(text) ? text : encodeURIComponent(text)
}

function bodyOf(operation: Operation, version: number, told: Told): fc.Arbitrary<string | undefined> {
  const schema = operation.bodySchemaAt(version)
  const value = schema
    ? near(schema, told.words)
    : operation.action === undefined
      ? strange
      : fc.record({ [operation.action]: strange })
  const good = goodBody(operation, Math.max(version, versionOf('2.1')))
  const samples = [...(good === undefined ? [] : [good]), ...(told.samples.get(keyOf(operation)) ?? [])]
  return fc.oneof(
    { arbitrary: value.map((some) => JSON.stringify(some)), weight: 14 },
    ...(samples.length > 0
      ? [{ arbitrary: fc.constantFrom(...samples).chain((one) => bent(one, told.words)), weight: 8 }]
      : []),
    {
      arbitrary: fc.constantFrom(undefined, '', '{', 'nul', '['.repeat(20_000), '"\\ud800"', '\u0000'),
      weight: 1,
    },
  )
}

/** A sample as it is, or with one of its places given something else, one more name, or taken away. */
function bent(sample: unknown, words: Words): fc.Arbitrary<string> {
  const whole = fc.constant(JSON.stringify(sample))
  const places = [...placesIn(sample)]
  if (places.length === 0) return whole
  const place = fc.constantFrom(...places)
  const other = fc.oneof(strange, fc.constantFrom(...words))
  return fc.oneof(
    { arbitrary: whole, weight: 3 },
    {
      arbitrary: fc.tuple(place, other).map(([at, value]) => JSON.stringify(changed(sample, at, value))),
      weight: 5,
    },
    { arbitrary: place.map((at) => JSON.stringify(changed(sample, at, undefined))), weight: 2 },
    {
      arbitrary: place.map((at) => JSON.stringify(changed(sample, [...at.slice(0, -1), 'nope'], 1))),
      weight: 1,
    },
  )
}

type Place = readonly (string | number)[]

function* placesIn(value: unknown, at: Place = []): Generator<Place> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    const place = [...at, Array.isArray(value) ? Number(name) : name]
    yield place
    yield* placesIn(inner, place)
  }
}

/** A copy with the value at a place; undefined leaves a name out. */
function changed(value: unknown, [name, ...rest]: Place, to: unknown): unknown {
  if (name === undefined) return to
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >
  copy[name] = changed(copy[name], rest, to)
  return copy
}
