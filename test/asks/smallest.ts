/** The smallest value that a schema takes: what is required, and of texts the first of a few that fits. */
import { compileSchema, type JsonSchema } from '#lib/versioned/index.ts'

const TEXTS = [
  'a',
  '1',
  '{{server}}',
  '70a599e0-31e7-49b7-b260-868f441e862b',
  '2026-01-01T00:00:00Z',
  '10.0.0.5',
  'fd00::5',
  'True',
  'IyEvYmluL3NoCg==',
  '52:54:00:00:00:01',
  'a.example.org',
]

/** Throws when it knows of none: the schema asks for something that belongs among the texts. */
export function smallest(schema: JsonSchema): unknown {
  const { oneOf, anyOf, ...rest } = schema
  const [choice] = oneOf ?? anyOf ?? []
  if (choice && !schema.properties) return smallest({ ...rest, ...choice })
  if (schema.enum) return schema.enum[0]
  const [type] = [schema.type ?? 'string'].flat()
  return SMALLEST[type ?? 'string'](schema)
}

const SMALLEST: Readonly<Record<TypeName, (schema: JsonSchema) => unknown>> = {
  object: smallestObject,
  array: ({ minItems = 0, items = {} }) => Array.from({ length: minItems }, () => smallest(items)),
  integer: ({ minimum = 1 }) => minimum,
  number: ({ minimum = 1 }) => minimum,
  boolean: () => true,
  null: () => null,
  string: smallestText,
}

type TypeName = Extract<JsonSchema['type'], string>

function smallestObject(schema: JsonSchema): Record<string, unknown> {
  const [choice] = schema.oneOf ?? schema.anyOf ?? []
  const names = new Set([...(schema.required ?? []), ...(choice?.required ?? [])])
  const entries = Object.entries(schema.properties ?? {})
  // `minProperties`: any of them will do.
  for (const [name] of entries) if (names.size < (schema.minProperties ?? 0)) names.add(name)
  const value: Record<string, unknown> = {}
  for (const name of names) value[name] = smallest(schema.properties?.[name] ?? {})
  const [patterned] = Object.values(schema.patternProperties ?? {})
  if (patterned && names.size < (schema.minProperties ?? 0)) value['k'] = smallest(patterned)
  return value
}

function smallestText(schema: JsonSchema): string {
  const check = compileSchema(schema)
  const text = TEXTS.find((each) => {
    const meant = each.startsWith('{{') ? '70a599e0-31e7-49b7-b260-868f441e862b' : each
    return check(meant, { strip: false }) === undefined
  })
  if (text === undefined) throw new Error(`no text fits ${JSON.stringify(schema)}`)
  return text
}
