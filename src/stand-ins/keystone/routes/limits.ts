/** Unified limits: how much everybody may have of what a service counts, and what single projects may. */
import { isUniqueViolation } from '#db/kit/index.ts'
import { conflict, forbidden } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import { type TObject, Type } from '@sinclair/typebox'
import { longText, name, nullable, optional, readBody, text } from '../body.ts'
import type { Caller } from '../caller.ts'
import { missing } from '../faults.ts'
import type { LimitRow } from '../tables.ts'
import { listOf, param, query, type Routes } from './context.ts'

/** -1 is no limit. */
const amount = Type.Integer({ minimum: -1, maximum: 0x7fff_ffff })

/** A project's id of registered limits, which are nobody's. */
const NOBODY = ''

interface Kind {
  readonly one: string
  readonly many: string
  /** What the number is called. */
  readonly value: 'default_limit' | 'resource_limit'
  /** Of a project, which must be named. */
  readonly isProjects: boolean
  readonly body: TObject
}

const common = {
  service_id: name(64),
  region_id: optional(nullable(text())),
  resource_name: name(),
  description: optional(nullable(longText())),
}

const KINDS: readonly Kind[] = [
  {
    one: 'registered_limit',
    many: 'registered_limits',
    value: 'default_limit',
    isProjects: false,
    body: Type.Object({ ...common, default_limit: amount }),
  },
  {
    one: 'limit',
    many: 'limits',
    value: 'resource_limit',
    isProjects: true,
    body: Type.Object({ ...common, project_id: name(64), resource_limit: amount }),
  },
]

const FILTERS = ['service_id', 'region_id', 'resource_name', 'project_id'] as const

export function addLimitRoutes(routes: Routes): void {
  routes.app.get('/v3/limits/model', async (request) => {
    await routes.caller(request)
    return { model: { name: 'flat', description: 'Limits of projects have nothing to do with one another.' } }
  })
  for (const kind of KINDS) addKind(routes, kind)
}

function addKind(routes: Routes, kind: Kind): void {
  const { app, store } = routes
  const { one, many, value } = kind
  const path = `/v3/${many}`
  const rows = () =>
    store.db
      .selectFrom('keystone_limit')
      .selectAll()
      .where('project_id', kind.isProjects ? '<>' : '=', NOBODY)
  const get = async (request: HttpRequest): Promise<LimitRow> => {
    const row = await rows().where('id', '=', param(request, 'id')).executeTakeFirst()
    if (!row) throw missing(one, param(request, 'id'))
    return row
  }
  const show = (row: LimitRow) => viewOf(routes, kind, row)
  const admin = async (request: HttpRequest, verb: string): Promise<Caller> => {
    const caller = await routes.caller(request)
    caller.enforce(`identity:${verb}_${verb === 'create' ? many : one}`)
    return caller
  }

  app.get(path, async (request) => {
    const caller = await routes.caller(request)
    let found = rows()
    for (const filter of FILTERS) {
      const wanted = query(request, filter)
      if (wanted !== undefined) found = found.where(filter, '=', wanted)
    }
    // Who may not see all sees its own project's.
    if (kind.isProjects && !caller.allows('identity:list_limits'))
      found = found.where('project_id', '=', caller.context.projectId ?? '-')
    return listOf(routes, request, many, (await found.orderBy('resource_name').execute()).map(show))
  })

  app.post(path, async (request, reply) => {
    await admin(request, 'create')
    const schema = Type.Object({ [many]: Type.Array(kind.body, { minItems: 1, maxItems: 1000 }) })
    const sent = (readBody(schema, request.body) as Record<string, Record<string, unknown>[]>)[many] ?? []
    const news = sent.map(
      (limit): LimitRow => ({
        id: routes.newId(),
        project_id: typeof limit['project_id'] === 'string' ? limit['project_id'] : NOBODY,
        service_id: String(limit['service_id']),
        region_id: (limit['region_id'] as string | null | undefined) ?? NOBODY,
        resource_name: String(limit['resource_name']),
        amount: Number(limit[value]),
        description: (limit['description'] as string | null | undefined) ?? null,
      }),
    )
    for (const row of news) await requireSurroundings(routes, kind, row)
    await store.db
      .insertInto('keystone_limit')
      .values(news)
      .execute()
      .catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error
        throw conflict(`Conflict occurred attempting to store ${one} - Duplicate entry.`, { cause: error })
      })
    return reply.code(201).send({ [many]: news.map(show) })
  })

  app.get(`${path}/:id`, async (request) => {
    const caller = await routes.caller(request)
    const row = await get(request)
    const isOwn = row.project_id === caller.context.projectId
    if (kind.isProjects && !isOwn) caller.enforce('identity:list_limits')
    return { [one]: show(row) }
  })

  app.patch(`${path}/:id`, async (request) => {
    await admin(request, 'update')
    const { id } = await get(request)
    const changes = Type.Object({ [value]: optional(amount), description: optional(nullable(longText())) })
    const sent =
      (readBody(Type.Object({ [one]: changes }), request.body) as Record<string, object>)[one] ?? {}
    const { description, [value]: limit } = sent as { description?: string | null; [key: string]: unknown }
    await store.db
      .updateTable('keystone_limit')
      .set({
        ...(limit !== undefined && { amount: Number(limit) }),
        ...(description !== undefined && { description }),
        id,
      })
      .where('id', '=', id)
      .execute()
    return { [one]: show(await get(request)) }
  })

  app.delete(`${path}/:id`, async (request, reply) => {
    await admin(request, 'delete')
    const row = await get(request)
    if (!kind.isProjects) await requireUnused(routes, row)
    await store.db.deleteFrom('keystone_limit').where('id', '=', row.id).execute()
    return reply.code(204).send()
  })
}

/** A project's limit is a limit of something that is registered, for a service that there is. */
async function requireSurroundings({ store }: Routes, { isProjects }: Kind, row: LimitRow): Promise<void> {
  const service = store.db.selectFrom('keystone_service').select('id').where('id', '=', row.service_id)
  if (!(await service.executeTakeFirst())) throw missing('service', row.service_id)
  if (!isProjects) return
  const registered = store.db
    .selectFrom('keystone_limit')
    .select('id')
    .where('project_id', '=', NOBODY)
    .where('service_id', '=', row.service_id)
    .where('resource_name', '=', row.resource_name)
  if (!(await registered.executeTakeFirst()))
    throw forbidden(`Unable to create limits: there is no registered limit of ${row.resource_name}.`)
}

async function requireUnused({ store }: Routes, row: LimitRow): Promise<void> {
  const used = store.db
    .selectFrom('keystone_limit')
    .select('id')
    .where('project_id', '<>', NOBODY)
    .where('service_id', '=', row.service_id)
    .where('region_id', '=', row.region_id)
    .where('resource_name', '=', row.resource_name)
  if (await used.executeTakeFirst())
    throw forbidden(
      `Unable to update or delete registered limit ${row.id} because there are project limits associated with it.`,
    )
}

const viewOf = (routes: Routes, { many, value, isProjects }: Kind, row: LimitRow) => ({
  id: row.id,
  service_id: row.service_id,
  region_id: row.region_id === NOBODY ? null : row.region_id,
  resource_name: row.resource_name,
  [value]: row.amount,
  description: row.description,
  ...(isProjects && { project_id: row.project_id, domain_id: null }),
  links: { self: `${routes.selfUrl()}/${many}/${row.id}` },
})
