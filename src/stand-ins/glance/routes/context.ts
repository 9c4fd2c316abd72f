/** What every route of Glance is given. */
import { badRequest } from '#lib/fault.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpApp, HttpRequest } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Caller } from '../caller.ts'
import type { FileStore } from '../file-store.ts'
import type { Store } from '../store.ts'

export interface Routes {
  readonly app: HttpApp
  readonly store: Store
  readonly files: FileStore
  readonly ids: Ids
  readonly clock: Clock
  readonly log: Log
  /** Glance's own root, for absolute links. */
  selfUrl(): string
  caller(request: HttpRequest): Promise<Caller>
}

export const param = (request: HttpRequest, name: string): string =>
  (request.params as Readonly<Record<string, string>>)[name] ?? ''

/** The body as an object. Throws a `badRequest` fault. */
export function objectBody(request: HttpRequest): Readonly<Record<string, unknown>> {
  const { body } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('Request body must be a JSON object.')
  return body as Readonly<Record<string, unknown>>
}
