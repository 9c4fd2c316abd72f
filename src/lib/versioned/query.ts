/** Query strings: every parameter is a list of strings, checked like a body. */
import type { JsonSchema } from './json-schema.ts'
import {
  constant,
  object,
  type Accepted,
  type Field,
  type ObjectOf,
  type ObjectOptions,
  type Piece,
} from './piece.ts'

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

/** The parameters of an operation. `additional`: unknown ones are dropped (the default of most), or refused. */
export const query = <P extends Parameters>(parameters: P, options: ObjectOptions = {}): Piece<ObjectOf<P>> =>
  object(parameters, options)

export type Query<P> = Accepted<P>

/** The parameters of a query string, in the order in which they came. */
export function readQuery(text: string): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const [name, value] of new URLSearchParams(text)) (values[name] ??= []).push(value)
  return values
}
