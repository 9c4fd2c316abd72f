/**
 * The nouns that are kept and shown: list, create, show, update, delete over HTTP, driven by a
 * description of the noun. What a noun does beyond that is in its own file.
 */
import { badRequest } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import { type TProperties, type TSchema, Type } from '@sinclair/typebox'
import type { Transaction } from 'kysely'
import { optional, readBody } from './body.ts'
import type { Caller } from './caller.ts'
import { duplicate, missing } from './faults.ts'
import { flag, listOf, param, query, type Routes } from './routes/context.ts'
import { type Cell, type LooseRow, type NounTable, rowsOf } from './rows.ts'
import type { KeystoneDb } from './tables.ts'

export type Attributes = Readonly<Record<string, unknown>>

export interface ResourceSpec<Row> {
  readonly one: string
  readonly many: string
  readonly table: NounTable
  /** Attributes that are columns, with what may be sent for them; those that must be sent are in `required`. */
  readonly columns: TProperties
  readonly required: readonly string[]
  /** Attributes that are sent and looked at by `prepare`, but are neither columns nor shown. */
  readonly hidden?: TProperties
  /** Columns that are flags: true and false outside, 1 and 0 inside. */
  readonly flags: readonly string[]
  readonly filters: readonly string[]
  /** Columns that tell this noun from others in its table. */
  readonly fixed?: LooseRow
  /** Columns that are never shown. */
  readonly unshown?: readonly string[]
  /** What every row shows beside its columns. */
  readonly always?: (row: Row) => Attributes
  /** Checks what was sent, and answers further columns. `before` is undefined when the thing is being made. */
  readonly prepare?: (
    sent: Attributes,
    before: Row | undefined,
    routes: Routes,
    caller: Caller,
  ) => Promise<LooseRow>
  /** Deletes what hangs on it; throws when it must stay. */
  readonly remove?: (trx: Transaction<KeystoneDb>, row: Row) => Promise<void>
  /** What policy is asked about. */
  readonly target: (row: Row) => Readonly<Record<string, Cell>>
}

export interface Resource<Row> {
  readonly spec: ResourceSpec<Row>
  view(row: Row, routes: Routes): object
  add(routes: Routes): void
}

/** An attribute that was sent as text. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

type NounRow = { readonly id: string; readonly extra: string }

const RESERVED = new Set(['id', 'links', 'extra', '__proto__'])

export function resource<Row extends NounRow>(spec: ResourceSpec<Row>): Resource<Row> {
  const view = (row: Row, routes: Routes): object => viewOf(spec, row, routes)
  return { spec, view, add: (routes) => addRoutes(spec, routes, view) }
}

function viewOf<Row extends NounRow>(spec: ResourceSpec<Row>, row: Row, routes: Routes): object {
  const cells = row as unknown as LooseRow
  const hidden = new Set([...(spec.unshown ?? []), 'extra'])
  const shown = Object.keys(cells)
    .filter((column) => !hidden.has(column))
    .map((column) => [column, spec.flags.includes(column) ? cells[column] === 1 : cells[column]] as const)
  const links = { self: `${routes.selfUrl()}/${spec.many}/${encodeURIComponent(row.id)}` }
  return { ...(JSON.parse(row.extra) as object), ...Object.fromEntries(shown), ...spec.always?.(row), links }
}

function addRoutes<Row extends NounRow>(
  spec: ResourceSpec<Row>,
  routes: Routes,
  view: (row: Row, routes: Routes) => object,
): void {
  const { app, store } = routes
  const { one, many } = spec
  const rows = () => rowsOf<Row & LooseRow>(store.db, spec.table)
  const show = (row: Row) => ({ [one]: view(row, routes) })
  const find = (id: string): Promise<Row | undefined> => rows().find(id, spec.fixed ?? {})
  const get = async (id: string): Promise<Row> => {
    const row = await find(id)
    if (row === undefined) throw missing(one, id)
    return row
  }
  const attributes = (request: HttpRequest, schema: TSchema): Attributes =>
    (readBody(schema, request.body) as Record<string, Attributes>)[one] ?? {}

  app.get(`/v3/${many}`, async (request) => {
    const caller = await routes.caller(request)
    const where = filtersOf(spec, request)
    // A domain's reader who names no domain means its own.
    const own = caller.context.domainId
    if (own != null && spec.filters.includes('domain_id') && !caller.allows(`identity:list_${many}`, where))
      where.domain_id ??= own
    caller.enforce(`identity:list_${many}`, where)
    const found = await rows().list({ ...where, ...spec.fixed })
    return listOf(
      routes,
      request,
      many,
      found.map((row) => view(row, routes)),
    )
  })

  app.post(`/v3/${many}`, async (request, reply) => {
    const caller = await routes.caller(request)
    caller.enforce(`identity:create_${one}`)
    const sent = attributes(request, createSchema(spec))
    const prepared = await spec.prepare?.(sent, undefined, routes, caller)
    const id = routes.newId()
    const row = { id, ...cellsOf(spec, sent, undefined), ...prepared, ...spec.fixed }
    if (!(await rows().insert(row))) throw duplicate(one, textOf(sent.name) ?? id)
    return reply.code(201).send(show(await get(row.id)))
  })

  app.get(`/v3/${many}/:id`, async (request) => {
    const caller = await routes.caller(request)
    return show(await visible(spec, caller, param(request, 'id'), find))
  })

  app.patch(`/v3/${many}/:id`, async (request) => {
    const caller = await routes.caller(request)
    caller.enforce(`identity:update_${one}`)
    const before = await get(param(request, 'id'))
    const sent = attributes(request, updateSchema(spec))
    if (sent.id !== undefined && sent.id !== before.id) throw badRequest(`Cannot change ${one} ID`)
    const prepared = await spec.prepare?.(sent, before, routes, caller)
    const patch = { ...cellsOf(spec, sent, before), ...prepared }
    if (!(await rows().update(before.id, patch))) throw duplicate(one, textOf(sent.name) ?? before.id)
    return show(await get(before.id))
  })

  app.delete(`/v3/${many}/:id`, async (request, reply) => {
    const caller = await routes.caller(request)
    caller.enforce(`identity:delete_${one}`)
    const row = await get(param(request, 'id'))
    await store.database.transaction<KeystoneDb, void>(async (trx) => {
      await spec.remove?.(trx, row)
      await trx
        .deleteFrom(spec.table as 'keystone_region')
        .where('id', '=', row.id)
        .execute()
    })
    return reply.code(204).send()
  })
}

/** The row, if the caller may see it. To those who might not see it if it were there, one that is not there is forbidden too. */
async function visible<Row>(
  spec: ResourceSpec<Row>,
  caller: Caller,
  id: string,
  find: (id: string) => Promise<Row | undefined>,
): Promise<Row> {
  const row = await find(id)
  const own = {
    id,
    ...(spec.one === 'user' && { user_id: id }),
    ...(spec.one === 'project' && { project_id: id }),
  }
  caller.enforce(`identity:get_${spec.one}`, { ...own, ...(row !== undefined && spec.target(row)) })
  if (row === undefined) throw missing(spec.one, id)
  return row
}

function filtersOf<Row>(spec: ResourceSpec<Row>, request: HttpRequest): Record<string, Cell> {
  const where: Record<string, Cell> = {}
  for (const filter of spec.filters) {
    const value = query(request, filter)
    if (value !== undefined)
      where[filter] = spec.flags.includes(filter) ? Number(flag(request, filter)) : value
  }
  return where
}

function createSchema<Row>({ one, columns, hidden, required }: ResourceSpec<Row>): TSchema {
  const properties = Object.entries({ ...columns, ...hidden }).map(([key, schema]) => [
    key,
    required.includes(key) ? schema : optional(schema),
  ])
  return Type.Object({ [one]: Type.Object(Object.fromEntries(properties) as TProperties) })
}

function updateSchema<Row>({ one, columns, hidden }: ResourceSpec<Row>): TSchema {
  return Type.Object({ [one]: Type.Partial(Type.Object({ ...columns, ...hidden })) })
}

/** What was sent as columns; what no column takes joins `extra`. */
function cellsOf<Row extends NounRow>(
  spec: ResourceSpec<Row>,
  sent: Attributes,
  before: Row | undefined,
): LooseRow {
  const cells: Record<string, Cell> = {}
  const extra = JSON.parse(before?.extra ?? '{}') as Record<string, unknown>
  for (const [key, value] of Object.entries(sent)) {
    if (Object.hasOwn(spec.columns, key))
      cells[key] = spec.flags.includes(key) ? Number(value) : (value as Cell)
    else if (!RESERVED.has(key) && spec.hidden?.[key] === undefined) extra[key] = value
  }
  return { ...cells, extra: JSON.stringify(extra) }
}
