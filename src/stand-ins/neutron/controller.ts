/** The five verbs that all kinds have, over HTTP: list, show, create (one or many), update, delete. */
import { badRequest } from '#lib/fault.ts'
import type { HttpApp, HttpReply, HttpRequest } from '#lib/http/index.ts'
import { type Input, readInput } from './attributes.ts'
import { bindPorts } from './binding.ts'
import { type NeutronCaller, refusedBy, requireWriter } from './caller.ts'
import type { Documents, KindName, PortDoc } from './documents.ts'
import { type AnyKind, type Kind, missing, type Work } from './kind.ts'
import { chooseFields, filterViews, pageOf, type Query, values } from './query.ts'
import { listDocs, type NeutronDb, type Search } from './store.ts'
import { ensureDefaultGroup } from './kinds/security-group.ts'

/** What handlers need of the running service. */
export interface Neutron {
  readonly db: NeutronDb
  /** Where the API stands, without a trailing slash: the beginning of links. */
  readonly publicUrl: string
  caller(request: HttpRequest): Promise<NeutronCaller>
  /** Runs a write in one transaction. */
  write<T>(caller: NeutronCaller, work: (work: Work) => Promise<T>): Promise<T>
  /** Tells the plane that something changed; resolves when it is real. */
  settle(networkIds: readonly string[]): Promise<{ readonly failed: unknown }>
  readonly plane: {
    readonly vifType: string
    vifDetails(networkId: string): Readonly<Record<string, unknown>>
  }
  changed(): void
}

const MAX_BULK = 1000

/** Adds a kind's routes under `/v2.0`. */
export function addKind<K extends KindName>(app: HttpApp, neutron: Neutron, kind: Kind<K>): void {
  const collection = `/v2.0/${kind.path}`
  app.get(collection, async (request) =>
    list(neutron, kind, await neutron.caller(request), request.query as Query),
  )
  app.post(collection, async (request, reply) =>
    create(neutron, kind, await neutron.caller(request), request.body, reply),
  )
  app.get<{ Params: { id: string } }>(`${collection}/:id`, async (request) => {
    const caller = await neutron.caller(request)
    const doc = await visibleDoc(neutron, kind, caller, request.params.id)
    const [view] = await present(neutron, kind, caller, [doc])
    return { [kind.singular]: chooseFields(view ?? {}, request.query as Query) }
  })
  app.put<{ Params: { id: string } }>(`${collection}/:id`, async (request) =>
    update(neutron, kind, await neutron.caller(request), request.params.id, request.body),
  )
  app.delete<{ Params: { id: string } }>(`${collection}/:id`, async (request, reply) => {
    await remove(neutron, kind, await neutron.caller(request), request.params.id)
    return reply.code(204).send()
  })
}

async function list<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  query: Query,
) {
  if (kind.kind === 'security_group') await makeDefaultGroup(neutron, caller)
  const docs = await listDocs(neutron.db, kind.kind, searchOf(kind, caller, query))
  const matching = filterViews(await present(neutron, kind, caller, docs), query)
  const page = pageOf(matching, query, `${neutron.publicUrl}/v2.0/${kind.path}`)
  return {
    [kind.plural]: page.items.map((view) => chooseFields(view, query)),
    ...(page.links.length > 0 && { [`${kind.plural}_links`]: page.links }),
  }
}

/** Neutron makes a project's default group when the project first looks. */
async function makeDefaultGroup(neutron: Neutron, caller: NeutronCaller): Promise<void> {
  if (caller.projectId === '') return
  const known = await listDocs(neutron.db, 'security_group', {
    projectIds: [caller.projectId],
    names: ['default'],
  })
  if (known.length === 0) await neutron.write(caller, (work) => ensureDefaultGroup(work, caller.projectId))
}

function searchOf(kind: AnyKind | Kind, caller: NeutronCaller, query: Query): Search {
  const search: Record<string, unknown> = caller.isAdmin ? {} : { visibleTo: caller.projectId }
  const narrow = (name: string, key: string) => {
    const asked = values(query, key)
    if (asked.length > 0 && !asked.includes('')) search[name] = asked
  }
  narrow('ids', 'id')
  narrow('names', 'name')
  for (const [filter, column] of Object.entries(kind.searchable ?? {})) narrow(column, filter)
  return search
}

/** Views as this caller may see them. */
export async function present<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  docs: readonly Documents[K][],
): Promise<Record<string, unknown>[]> {
  const views = await kind.view(neutron.db, docs)
  return views.map((view) => {
    const shown = { ...view, tenant_id: view['project_id'] }
    if (caller.isAdmin) return shown
    return Object.fromEntries(Object.entries(shown).filter(([name]) => !isAdminOnly(kind, name)))
  })
}

const isAdminOnly = (kind: AnyKind | Kind, name: string): boolean =>
  kind.attributes[name]?.admin === 'see' ||
  name.startsWith('provider:') ||
  name === 'binding:vif_type' ||
  name === 'binding:vif_details' ||
  name === 'resource_request'

export async function visibleDoc<K extends KindName>(
  neutron: { readonly db: NeutronDb },
  kind: Kind<K>,
  caller: NeutronCaller,
  id: string,
): Promise<Documents[K]> {
  const found = await listDocs(neutron.db, kind.kind, {
    ids: [id],
    ...(!caller.isAdmin && { visibleTo: caller.projectId }),
  })
  if (!found[0]) throw missing(kind, id)
  return found[0]
}

async function create<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  body: unknown,
  reply: HttpReply,
) {
  requireWriter(caller, `create_${kind.singular}`)
  const { sent, isBulk } = bodiesOf(kind, body)
  const inputs = sent.map((one) => readInput(kind.attributes, one, 'create'))
  for (const one of sent) checkAdminOnly(kind, caller, one as Input, 'create')
  let docs = await neutron.write(caller, async (work) => {
    const made: Documents[K][] = []
    for (const input of inputs) made.push(await kind.create(work, input))
    return made
  })
  docs = await afterWrite(neutron, kind, caller, docs)
  const views = await present(neutron, kind, caller, docs)
  reply.code(201)
  return isBulk ? { [kind.plural]: views } : { [kind.singular]: views[0] }
}

function bodiesOf(kind: AnyKind | Kind, body: unknown): { sent: unknown[]; isBulk: boolean } {
  const found = (body ?? {}) as Record<string, unknown>
  const many = typeof body === 'object' ? found[kind.plural] : undefined
  if (Array.isArray(many)) {
    if (many.length === 0 || many.length > MAX_BULK)
      throw badRequest(`Resources required: 1 to ${MAX_BULK}`, { code: 'HTTPBadRequest' })
    return { sent: many, isBulk: true }
  }
  return { sent: [bodyOf(kind, body)], isBulk: false }
}

function bodyOf(kind: AnyKind | Kind, body: unknown): unknown {
  const one =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[kind.singular] : undefined
  if (one === undefined)
    throw badRequest('Unable to find resource in request body', { code: 'HTTPBadRequest' })
  return one
}

/** Refuses attributes that only admins may send. */
function checkAdminOnly(
  kind: AnyKind | Kind,
  caller: NeutronCaller,
  sent: Input,
  action: 'create' | 'update',
): void {
  if (caller.isAdmin) return
  for (const name of Object.keys(sent)) {
    const attribute = kind.attributes[name]
    if (attribute?.admin && JSON.stringify(sent[name]) !== JSON.stringify(attribute.default))
      throw refusedBy(`${action}_${kind.singular}:${name}`)
  }
}

async function update<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  id: string,
  body: unknown,
) {
  requireWriter(caller, `update_${kind.singular}`)
  const sent = bodyOf(kind, body)
  const changes = readInput(kind.attributes, sent, 'update')
  const changed = await neutron.write(caller, async (work) => {
    const current = await visibleDoc(work, kind, caller, id)
    checkAdminOnly(kind, caller, sent as Input, 'update')
    return kind.update(work, current, changes)
  })
  const docs = await afterWrite(neutron, kind, caller, [changed])
  const [view] = await present(neutron, kind, caller, docs)
  return { [kind.singular]: view }
}

async function remove<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  id: string,
): Promise<void> {
  requireWriter(caller, `delete_${kind.singular}`)
  await neutron.write(caller, async (work) => kind.remove(work, await visibleDoc(work, kind, caller, id)))
  neutron.changed()
}

/** Ports with a host are bound; of anything else the plane is only told. */
async function afterWrite<K extends KindName>(
  neutron: Neutron,
  kind: Kind<K>,
  caller: NeutronCaller,
  docs: readonly Documents[K][],
): Promise<Documents[K][]> {
  neutron.changed()
  if (kind.kind !== 'port') return [...docs]
  return (await bindPorts(neutron, caller, docs as readonly PortDoc[])) as Documents[K][]
}
