/** What every route of Cinder is given, and the reading of bodies. */
import { badRequest } from '#lib/fault.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpApp, HttpReply, HttpRequest } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { Caller } from '../caller.ts'
import { noSnapshot, noVolume } from '../faults.ts'
import type { FileStore } from '../files.ts'
import { completeVolumes, findSnapshotRow, findVolumeRow, type Store, type Volume } from '../store.ts'
import type { SnapshotRow } from '../tables.ts'
import type { ViewContext } from '../views.ts'
import type { Work } from '../work.ts'

type Json = Readonly<Record<string, unknown>>

/** One request: who asks, for what. */
export interface Call {
  readonly caller: Caller
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly view: ViewContext
}

export interface Reply {
  readonly status?: number
  readonly body?: unknown
}

export interface Routes {
  readonly store: Store
  readonly files: FileStore
  readonly work: Work
  readonly images: Images
  readonly ids: Ids
  readonly clock: Clock
  /** Adds a route below `/v3` and `/v3/{project}`. */
  on(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, handle: (call: Call) => Promise<Reply>): void
}

export interface RoutesDeps extends Omit<Routes, 'on'> {
  readonly app: HttpApp
  selfUrl(): string
  caller(request: HttpRequest, reply: HttpReply): Promise<Caller>
}

export function routesOf({ app, selfUrl, caller: callerOf, ...rest }: RoutesDeps): Routes {
  return {
    ...rest,
    on(method, path, handle) {
      const handler = async (request: HttpRequest, reply: HttpReply) => {
        const caller = await callerOf(request, reply)
        const { status = 200, body } = await handle({
          caller,
          params: request.params as Record<string, string>,
          query: queryOf(request.query as Record<string, string | string[]>),
          body: request.body,
          view: { caller, selfUrl: selfUrl() },
        })
        return reply.code(status).send(body)
      }
      for (const root of ['/v3', '/v3/:project_id']) app.route({ method, url: `${root}${path}`, handler })
    },
  }
}

/** Of a parameter that is given twice, the last counts. */
const queryOf = (query: Readonly<Record<string, string | string[]>>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value].flat().at(-1) ?? '']))

/** Whether an admin asks for what is every project's. */
export const isEverybodys = ({ caller, query }: Call): boolean =>
  caller.isAdmin && !['', '0', 'false', 'no'].includes((query['all_tenants'] ?? '').toLowerCase())

/** The object under the body's only key. Throws a `badRequest` fault. */
export function bodyOf(call: Call, key: string): Json {
  const { body } = call
  const inner = isObject(body) ? body[key] : undefined
  if (!isObject(inner)) throw badRequest(`Missing required element '${key}' in request body.`)
  return inner
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const MAX_TEXT = 255

const invalid = (field: string, value: unknown, why: string) =>
  badRequest(
    `Invalid input for field/attribute ${field}. Value: ${JSON.stringify(value)?.slice(0, MAX_TEXT)}. ${why}`,
  )

/** A text of at most 255 characters, or null when it is null or not there. Throws a `badRequest` fault. */
export function textOf(body: Json, field: string): string | null {
  const value = body[field] ?? null
  if (value !== null && typeof value !== 'string') throw invalid(field, value, 'It is not a string')
  if (value !== null && value.length > MAX_TEXT) throw invalid(field, value, 'It is too long')
  return value
}

/** GiB, at least 1; undefined when it is null or not there. Throws a `badRequest` fault. */
export function sizeOf(body: Json, field: string): number | undefined {
  const value = body[field] ?? undefined
  if (value === undefined) return undefined
  if (!/^\d{1,9}$/.test(typeof value === 'number' || typeof value === 'string' ? String(value) : ''))
    throw invalid(field, value, `It does not match '^[0-9]+$'`)
  if (Number(value) < 1) throw invalid(field, value, 'It is less than the minimum of 1')
  return Number(value)
}

/** True or false, as a flag or in words. Throws a `badRequest` fault. */
export function flagOf(body: Json, field: string): boolean {
  const value = body[field] ?? false
  const text = JSON.stringify(value).replaceAll('"', '').toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(text)) return true
  if (['false', '0', 'no', 'off'].includes(text)) return false
  throw invalid(field, value, 'It is no boolean')
}

/** Texts by name. Throws a `badRequest` fault. */
export function metadataOf(body: Json, field = 'metadata'): Record<string, string> {
  const value = body[field] ?? {}
  if (!isObject(value)) throw invalid(field, value, 'It is no object')
  for (const [key, text] of Object.entries(value))
    if (key === '' || key.length > MAX_TEXT || typeof text !== 'string' || text.length > MAX_TEXT)
      throw invalid(field, value, 'Its keys and values are strings of at most 255 characters')
  return value as Record<string, string>
}

/** The volume, if the caller may know of it; throws `notFound` for another project's as for none. */
export async function seeVolume({ store }: Routes, { caller }: Call, id: string): Promise<Volume> {
  const row = await findVolumeRow(store.db, id)
  const [volume] = row ? await completeVolumes(store.db, [row]) : []
  if (!volume || !(caller.isAdmin || volume.row.project_id === caller.projectId)) throw noVolume(id)
  return volume
}

/** The snapshot, if the caller may know of it; throws `notFound` otherwise. */
export async function seeSnapshot({ store }: Routes, { caller }: Call, id: string): Promise<SnapshotRow> {
  const row = await findSnapshotRow(store.db, id)
  if (!row || !(caller.isAdmin || row.project_id === caller.projectId)) throw noSnapshot(id)
  return row
}
