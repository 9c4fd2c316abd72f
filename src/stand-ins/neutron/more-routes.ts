/** What is not one of the five verbs: versions, router interfaces, quotas, tags, extensions, zones, agents, availability. */
import { badRequest, forbidden, notFound } from '#lib/fault.ts'
import type { HttpApp } from '#lib/http/index.ts'
import { parseCidr, usableRange } from './addresses.ts'
import { requireAdmin, requireWriter } from './caller.ts'
import { type Neutron, visibleDoc } from './controller.ts'
import type { Documents, KindName } from './documents.ts'
import { extensions } from './extensions.ts'
import { change, type Kind } from './kind.ts'
import { usedAddresses } from './kinds/fixed-ips.ts'
import { addInterface, removeInterface } from './kinds/router.ts'
import { quotaDetails, type Quotas, quotasOf, resetQuotas, setQuotas } from './quotas.ts'
import { chooseFields, filterViews, type Query } from './query.ts'
import { listDocs } from './store.ts'

interface ById {
  Params: { id: string }
}

export function addVersions(app: HttpApp, neutron: Neutron): void {
  const links = [{ rel: 'self', href: `${neutron.publicUrl}/v2.0/` }]
  app.get('/', async () => ({ versions: [{ id: 'v2.0', status: 'CURRENT', links }] }))
  app.get('/v2.0', async () => ({
    resources: RESOURCES.map(([name, collection]) => ({
      name,
      collection,
      links: [{ rel: 'self', href: `${neutron.publicUrl}/v2.0/${collection}` }],
    })),
  }))
}

const RESOURCES = [
  ['network', 'networks'],
  ['subnet', 'subnets'],
  ['port', 'ports'],
  ['router', 'routers'],
  ['floatingip', 'floatingips'],
  ['security_group', 'security-groups'],
  ['security_group_rule', 'security-group-rules'],
] as const

export function addRouterActions(app: HttpApp, neutron: Neutron): void {
  const actions = { add_router_interface: addInterface, remove_router_interface: removeInterface }
  for (const [name, action] of Object.entries(actions))
    app.put<ById>(`/v2.0/routers/:id/${name}`, async (request) => {
      const caller = await neutron.caller(request)
      requireWriter(caller, name)
      const result = await neutron.write(caller, (work) =>
        action(work, request.params.id, request.body ?? {}),
      )
      neutron.changed()
      return result
    })
}

export function addQuotas(app: HttpApp, neutron: Neutron, defaults: Quotas): void {
  const own = async (request: Parameters<Neutron['caller']>[0], projectId: string) => {
    const caller = await neutron.caller(request)
    if (!caller.isAdmin && caller.projectId !== projectId)
      throw forbidden('Only admin can view or configure quota', { code: 'AdminRequired' })
  }
  app.get('/v2.0/quotas', async (request) => {
    requireAdmin(await neutron.caller(request), 'get_quota')
    const rows = await neutron.db.selectFrom('neutron_quotas').select('project_id').distinct().execute()
    const quotas = []
    for (const { project_id } of rows)
      quotas.push({
        ...(await quotasOf(neutron.db, project_id, defaults)),
        project_id,
        tenant_id: project_id,
      })
    return { quotas }
  })
  app.get<ById>('/v2.0/quotas/:id', async (request) => {
    await own(request, request.params.id)
    return { quota: await quotasOf(neutron.db, request.params.id, defaults) }
  })
  app.get<ById>('/v2.0/quotas/:id/default', async (request) => {
    await own(request, request.params.id)
    return { quota: defaults }
  })
  for (const name of ['details', 'details.json'])
    app.get<ById>(`/v2.0/quotas/:id/${name}`, async (request) => {
      await own(request, request.params.id)
      return { quota: await quotaDetails(neutron.db, request.params.id, defaults) }
    })
  app.put<ById>('/v2.0/quotas/:id', async (request) => {
    const caller = await neutron.caller(request)
    requireAdmin(caller, 'update_quota')
    const sent = (request.body as { quota?: unknown } | undefined)?.quota
    if (typeof sent !== 'object' || sent === null)
      throw badRequest('Unable to find resource in request body', { code: 'HTTPBadRequest' })
    await neutron.write(caller, (work) =>
      setQuotas(work.db, request.params.id, sent as Record<string, unknown>),
    )
    return { quota: await quotasOf(neutron.db, request.params.id, defaults) }
  })
  app.delete<ById>('/v2.0/quotas/:id', async (request, reply) => {
    const caller = await neutron.caller(request)
    requireAdmin(caller, 'delete_quota')
    await neutron.write(caller, (work) => resetQuotas(work.db, request.params.id))
    return reply.code(204).send()
  })
}

export function addExtensions(app: HttpApp, neutron: Neutron): void {
  app.get('/v2.0/extensions', async (request) => {
    await neutron.caller(request)
    const query = request.query as Query
    return {
      extensions: filterViews(
        extensions.map((one) => ({ ...one })),
        query,
      ).map((one) => chooseFields(one, query)),
    }
  })
  app.get<ById>('/v2.0/extensions/:id', async (request) => {
    await neutron.caller(request)
    const extension = extensions.find((one) => one.alias === request.params.id)
    if (!extension)
      throw notFound(`Extension with alias ${request.params.id} does not exist`, {
        code: 'ExtensionNotFound',
      })
    return { extension }
  })
}

const MAX_TAG = 255
const MAX_TAGS = 50

/** `/{kind}/{id}/tags`: read, replace, remove all; one tag at a time below it. */
export function addTags<K extends KindName>(app: HttpApp, neutron: Neutron, kind: Kind<K>): void {
  const path = `/v2.0/${kind.path}/:id/tags`
  const retag = async (
    request: Parameters<Neutron['caller']>[0],
    id: string,
    to: (tags: readonly string[]) => readonly string[],
  ) => {
    const caller = await neutron.caller(request)
    requireWriter(caller, `update_${kind.plural}_tags`)
    return neutron.write(caller, async (work) => {
      const current = await visibleDoc(work, kind, caller, id)
      if (!caller.isAdmin && current.project_id !== caller.projectId)
        throw forbidden(`rule:update_${kind.plural}_tags is disallowed by policy`, {
          code: 'PolicyNotAuthorized',
        })
      const tags = [...new Set(to(current.tags))]
      if (
        tags.length > MAX_TAGS ||
        tags.some((tag) => tag === '' || tag.length > MAX_TAG || /[,/]/.test(tag))
      )
        throw badRequest('Invalid input for tags', { code: 'HTTPBadRequest' })
      return {
        tags: (await change(work, kind.kind, current, { tags } as unknown as Partial<Documents[K]>)).tags,
      }
    })
  }
  app.get<ById>(path, async (request) => ({
    tags: (await visibleDoc(neutron, kind, await neutron.caller(request), request.params.id)).tags,
  }))
  app.put<ById>(path, async (request) => {
    const sent = (request.body as { tags?: unknown } | undefined)?.tags
    if (!Array.isArray(sent) || !sent.every((tag) => typeof tag === 'string'))
      throw badRequest('Invalid tags body', { code: 'HTTPBadRequest' })
    return retag(request, request.params.id, () => sent)
  })
  app.delete<ById>(path, async (request, reply) => {
    await retag(request, request.params.id, () => [])
    return reply.code(204).send()
  })
  type OneTag = { Params: { id: string; tag: string } }
  app.get<OneTag>(`${path}/:tag`, async (request, reply) => {
    const doc = await visibleDoc(neutron, kind, await neutron.caller(request), request.params.id)
    if (!doc.tags.includes(request.params.tag))
      throw notFound(`Tag ${request.params.tag} could not be found.`, { code: 'TagNotFound' })
    return reply.code(204).send()
  })
  app.put<OneTag>(`${path}/:tag`, async (request, reply) => {
    await retag(request, request.params.id, (tags) => [...tags, request.params.tag])
    return reply.code(201).send()
  })
  app.delete<OneTag>(`${path}/:tag`, async (request, reply) => {
    await retag(request, request.params.id, (tags) => {
      if (!tags.includes(request.params.tag))
        throw notFound(`Tag ${request.params.tag} could not be found.`, { code: 'TagNotFound' })
      return tags.filter((tag) => tag !== request.params.tag)
    })
    return reply.code(204).send()
  })
}

/** Lists of which this Neutron has nothing: clients read them in passing. */
const EMPTY = {
  subnetpools: 'subnetpools',
  'address-scopes': 'address_scopes',
  'address-groups': 'address_groups',
  'service-providers': 'service_providers',
  'rbac-policies': 'rbac_policies',
}

export function addRest(
  app: HttpApp,
  neutron: Neutron,
  agents: () => readonly Record<string, unknown>[],
): void {
  for (const [path, key] of Object.entries(EMPTY))
    app.get(`/v2.0/${path}`, async (request) => {
      await neutron.caller(request)
      return { [key]: [] }
    })
  app.get('/v2.0/availability_zones', async (request) => {
    await neutron.caller(request)
    const zones = ['network', 'router'].map((resource) => ({ name: 'nova', resource, state: 'available' }))
    return { availability_zones: filterViews(zones, request.query as Query) }
  })
  app.get('/v2.0/agents', async (request) => {
    requireAdmin(await neutron.caller(request), 'get_agent')
    return { agents: filterViews(agents(), request.query as Query) }
  })
  app.get<ById>('/v2.0/agents/:id', async (request) => {
    requireAdmin(await neutron.caller(request), 'get_agent')
    const agent = agents().find((one) => one['id'] === request.params.id)
    if (!agent) throw notFound(`Agent ${request.params.id} could not be found.`, { code: 'AgentNotFound' })
    return { agent }
  })
  app.get('/v2.0/network-ip-availabilities', async (request) => {
    requireAdmin(await neutron.caller(request), 'get_network_ip_availability')
    return { network_ip_availabilities: filterViews(await availabilities(neutron), request.query as Query) }
  })
  app.get<ById>('/v2.0/network-ip-availabilities/:id', async (request) => {
    requireAdmin(await neutron.caller(request), 'get_network_ip_availability')
    const found = (await availabilities(neutron)).find((one) => one['network_id'] === request.params.id)
    if (!found)
      throw notFound(`Network ${request.params.id} could not be found.`, { code: 'NetworkNotFound' })
    return { network_ip_availability: found }
  })
}

async function availabilities(neutron: Neutron): Promise<Record<string, unknown>[]> {
  const subnets = await listDocs(neutron.db, 'subnet')
  const result: Record<string, unknown>[] = []
  for (const network of await listDocs(neutron.db, 'network')) {
    const perSubnet: { readonly total_ips: number; readonly used_ips: number }[] = []
    for (const subnet of subnets.filter((one) => one.network_id === network.id)) {
      const range = parseCidr(subnet.cidr)
      const usable = range ? usableRange(range) : { first: 1n, last: 0n }
      const used_ips = (await usedAddresses(neutron, subnet)).length
      const total_ips = Number(usable.last - usable.first + 1n)
      const shown = {
        subnet_id: subnet.id,
        subnet_name: subnet.name,
        ip_version: subnet.ip_version,
        cidr: subnet.cidr,
        total_ips,
        used_ips,
      }
      perSubnet.push(shown)
    }
    const sum = (key: 'total_ips' | 'used_ips') => perSubnet.reduce((total, one) => total + one[key], 0)
    result.push({
      network_id: network.id,
      network_name: network.name,
      project_id: network.project_id,
      tenant_id: network.project_id,
      total_ips: sum('total_ips'),
      used_ips: sum('used_ips'),
      subnet_ip_availability: perSubnet,
    })
  }
  return result
}
