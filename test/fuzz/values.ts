/** Arbitrary values near to a schema: mostly what it takes, so that much of it comes far, and anything at all in between. */
import * as fc from 'fast-check'
import type { JsonSchema } from '#lib/versioned/index.ts'

export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\u0000', '__proto__', 'constructor', '../..', '%', "' or 1=1 --", '9'.repeat(40)),
  fc.constantFrom('x'.repeat(256), '\u{1f600}', '\ud800', '2012-08-20T21:11:09Z', '0', '-1', 'True', 'null'),
)
export const strange = fc.oneof(
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

/** What texts of a format look like, and nearly look like. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  uuid: ['{{server}}', '70a599e0-31e7-49b7-b260-868f441e862b', '70a599e031e749b7b260868f441e862b'],
  'date-time': [
    '2026-01-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01 00:00:00',
    '1969-12-31T23:59:59Z',
  ],
  ipv4: ['10.0.0.5', '0.0.0.0', '10.0.0'],
  ipv6: ['fd00::5', '::ffff:10.0.0.5', 'fd00::g'],
  base64: ['IyEvYmluL3NoCg==', 'IyEvYmluL3NoCg', '===='],
  regex: ['a.*', '(a+)+$', '['],
}

/** Words that mean something here, for texts whose pattern or format is not looked into. */
export type Words = readonly string[]

/** Values that mostly fit the schema; one in thirteen is anything at all. */
export function near(schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fitting(schema, words), weight: 12 }, { arbitrary: strange, weight: 1 })
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
  const [known, meant] = [fc.constantFrom(...words), FORMATS[schema.format ?? '']]
  return fc.oneof(
    { arbitrary: meant === undefined ? known : fc.constantFrom(...meant), weight: 6 },
    { arbitrary: known, weight: 2 },
    { arbitrary: anyText, weight: 1 },
  )
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
