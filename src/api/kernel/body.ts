/** Request bodies: JSON whatever the content type says, as long as it says nothing else. */
import { badRequest, Fault } from '#lib/fault.ts'

/** `text/plain` is what some clients say when they say nothing. */
const JSON_TYPES = new Set(['', 'text/plain', 'application/json', 'application/vnd.openstack.compute+json'])

/** Refuses content types that are not JSON (415), with or without a body. */
export function checkContentType(contentType: string | undefined): void {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!JSON_TYPES.has(type)) throw new Fault('unsupportedMediaType', 'Unsupported Content-Type')
}

/** The body's value; undefined when there is none. */
export function readBody(raw: unknown): unknown {
  if (!Buffer.isBuffer(raw) || raw.length === 0) return undefined
  const text = raw.toString('utf8')
  // PostgreSQL has no text with a NUL in it, and nobody means one.
  if (text.includes('\\u0000')) throw badRequest('Malformed request body')
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw badRequest('Malformed request body', { cause: error })
  }
}

/** The one key of an action's body. */
export function actionOf(body: unknown): string {
  const keys = typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.keys(body) : []
  const [key] = keys
  if (key === undefined || keys.length !== 1) throw badRequest('Malformed request body')
  return key
}
