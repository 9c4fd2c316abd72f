/** Query strings: every parameter is a list of strings, checked like a body. */
import type { JsonSchema } from './json-schema.ts'
import { constant, type Field, object, type ObjectOf, type ObjectOptions, type Piece } from './piece.ts'
import { versionOf } from './version.ts'

type Parameters = Readonly<Record<string, Piece<readonly string[]> | Field<readonly string[], boolean>>>

/** A parameter that may come several times. */
export const many = (value: JsonSchema = { type: 'string' }): Piece<readonly string[]> =>
  constant({ type: 'array', items: value })

/** A parameter that may come once. */
export const single = (value: JsonSchema = { type: 'string' }): Piece<readonly string[]> =>
  constant({ type: 'array', items: value, maxItems: 1 })

export const LIMIT: JsonSchema = {
  type: ['integer', 'string'],
  pattern: '^[0-9]*$',
  minimum: 0,
  minLength: 1,
}

export interface QueryOptions extends ObjectOptions {
  /** From this version on an unknown parameter is refused; before, it is passed over. */
  readonly strictSince?: string
}

/** The parameters of an operation. Unknown ones are refused, unless `additional` or `strictSince` say otherwise. */
export function query<P extends Parameters>(parameters: P, options: QueryOptions = {}): Piece<ObjectOf<P>> {
  const { strictSince, ...rest } = options
  if (strictSince === undefined) return object(parameters, rest)
  const loose = object(parameters, { ...rest, additional: true })
  const strict = object(parameters, { ...rest, additional: false })
  const from = versionOf(strictSince)
  return {
    kind: 'piece',
    edges: [...loose.edges, from],
    schemaAt: (version) => (version >= from ? strict : loose).schemaAt(version),
  }
}

/** The parameters of a query string, in the order in which they came. */
export function readQuery(text: string): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const [name, value] of new URLSearchParams(text)) (values[name] ??= []).push(value)
  return values
}
