/** What every route of Keystone is given. */
import { badRequest, notFound } from '#lib/fault.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpApp, HttpRequest } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Caller } from '../caller.ts'
import type { Store } from '../store.ts'
import type { Tokens } from '../tokens.ts'

export interface Routes {
  readonly app: HttpApp
  readonly store: Store
  readonly tokens: Tokens
  readonly ids: Ids
  readonly clock: Clock
  readonly tokenLifeMs: number
  /** The cloud's origin, without a trailing slash. */
  publicUrl(): string
  /** Keystone's own v3 root, for links. */
  selfUrl(): string
  caller(request: HttpRequest): Promise<Caller>
  /** A new id as Keystone writes them: a UUID without dashes. */
  newId(): string
}

/** A path parameter. One that no id could be is nobody's id: a `notFound` fault. */
export function param(request: HttpRequest, name: string): string {
  const value = (request.params as Readonly<Record<string, string>>)[name] ?? ''
  if (value.includes('\0')) throw notFound('The resource could not be found.')
  return value
}

/** A query parameter that was given once; given twice, the first counts. */
export function query(request: HttpRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, string | string[] | undefined>>)[name]
  const first = Array.isArray(value) ? value[0] : value
  if (first?.includes('\0')) throw badRequest(`Invalid input for the query parameter ${name}.`)
  return first
}

/** A flag in the query: there is true, save for `0` and `false`. */
export function flag(request: HttpRequest, name: string): boolean {
  const value = query(request, name)
  return value !== undefined && !['0', 'false'].includes(value.toLowerCase())
}

/** A list body as Keystone answers it. */
export const listOf = (
  routes: Routes,
  request: HttpRequest,
  collection: string,
  items: readonly unknown[],
) => ({
  [collection]: items,
  links: {
    next: null,
    self: `${routes.selfUrl()}${request.url.split('?')[0]?.replace(/^\/v3/, '') ?? ''}`,
    previous: null,
  },
})
