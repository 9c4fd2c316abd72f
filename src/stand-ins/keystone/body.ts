/** Request bodies: checked against a schema, refused in Keystone's words with the attribute's name. */
import { badRequest } from '#lib/fault.ts'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const MAX_DEPTH = 24

/** The body as the schema has it. Throws a `badRequest` fault naming the attribute. */
export function readBody<S extends TSchema>(schema: S, body: unknown): Static<S> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('Expecting to find a JSON object in the request body.')
  }
  if (isDeeperThan(body, MAX_DEPTH)) throw badRequest('The request body is nested too deeply.')
  // PostgreSQL cannot keep one, and nobody means it.
  if (JSON.stringify(body).includes('\\u0000')) throw badRequest('The request body holds a NUL character.')
  if (Value.Check(schema, body)) return body
  const problem = Value.Errors(schema, body).First()
  const attribute = (problem?.path ?? '').slice(1).replaceAll('/', '.')
  throw badRequest(
    `Invalid input for field/attribute ${attribute}. ${problem?.message ?? 'Not as it should be'}.`,
  )
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((each) => isDeeperThan(each, depth - 1))
}

const MAX_TEXT = 65_536
export const text = (maxLength = 255) => Type.String({ maxLength })
export const name = (maxLength = 255) => Type.String({ minLength: 1, maxLength, pattern: '\\S' })
export const longText = () => Type.String({ maxLength: MAX_TEXT })
export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const optional = Type.Optional
