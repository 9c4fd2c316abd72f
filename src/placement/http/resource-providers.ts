/** `/resource_providers`: listing, making, showing, changing, removing. */
import { many, object, operation, query, required, shownSince, since, t, view } from '#lib/versioned/index.ts'
import {
  getProvider,
  insertProvider,
  listProviders,
  type Provider,
  type ProviderFilter,
  removeProvider,
  updateProvider,
} from '../db/providers.ts'
import { unknownResourceClass } from '../db/resource-classes.ts'
import { unknownTraits } from '../db/traits.ts'
import { badRequest } from '#lib/fault.ts'
import { type Call, canonicalUuid, type Endpoint, endpoint, last, param, type Scope } from './endpoint.ts'
import { readAggregates, readResources, readTraits } from './parameters.ts'
import { nullableUuid } from './shapes.ts'

const linksView = view<{ href: string }>({
  self: () => '',
  inventories: () => '/inventories',
  usages: () => '/usages',
  aggregates: shownSince('1.1', () => '/aggregates'),
  traits: shownSince('1.6', () => '/traits'),
  allocations: shownSince('1.11', () => '/allocations'),
})

const providerView = view<Provider, { links: unknown }>({
  uuid: (provider) => provider.uuid,
  name: (provider) => provider.name,
  generation: (provider) => provider.generation,
  links: (_provider, { links }) => links,
  parent_provider_uuid: shownSince('1.14', (provider) => provider.parentUuid),
  root_provider_uuid: shownSince('1.14', (provider) => provider.rootUuid),
})

type Show = Pick<Call<unknown, unknown, Record<string, string>>, 'show' | 'scope'>

function showProvider({ show, scope }: Show, provider: Provider): Readonly<Record<string, unknown>> {
  const href = `${scope.options.mountPath}/resource_providers/${provider.uuid}`
  const links = Object.entries(show(linksView, { href }, undefined)).map(([rel, path]) => ({
    rel,
    href: `${href}${String(path)}`,
  }))
  return show(providerView, provider, { links })
}

const uuidParameter = many({ type: 'string', format: 'uuid' })

const listSpec = operation({
  path: 'GET /resource_providers',
  policy: 'placement:resource_providers:list',
  query: query({
    name: many(),
    uuid: uuidParameter,
    member_of: since('1.3', many()),
    resources: since('1.4', many()),
    in_tree: since('1.14', uuidParameter),
    required: since('1.18', many()),
  }),
  behaviours: {
    forbiddenTraits: '1.22..',
    severalMemberOf: '1.24..',
    forbiddenAggregates: '1.32..',
    anyTraits: '1.39..',
  },
})

const createSpec = operation({
  path: 'POST /resource_providers',
  policy: 'placement:resource_providers:create',
  status: { '..1.19': 201, '1.20..': 200 },
  body: object({
    name: required(t.string({ maxLength: 200 })),
    uuid: t.uuid,
    parent_provider_uuid: since('1.14', nullableUuid),
  }),
  behaviours: { answersProvider: '1.20..' },
})

const showSpec = operation({
  path: 'GET /resource_providers/{uuid}',
  policy: 'placement:resource_providers:show',
})

const updateSpec = operation({
  path: 'PUT /resource_providers/{uuid}',
  policy: 'placement:resource_providers:update',
  body: object({
    name: required(t.string({ maxLength: 200 })),
    parent_provider_uuid: since('1.14', nullableUuid),
  }),
  behaviours: { mayMove: '1.37..' },
})

const removeSpec = operation({
  path: 'DELETE /resource_providers/{uuid}',
  policy: 'placement:resource_providers:delete',
  status: 204,
})

type ListQuery = Readonly<
  Record<'name' | 'uuid' | 'member_of' | 'resources' | 'in_tree' | 'required', readonly string[] | undefined>
>
type ListBehaviours = Readonly<
  Record<'forbiddenTraits' | 'severalMemberOf' | 'forbiddenAggregates' | 'anyTraits', boolean>
>

function readFilter(parameters: ListQuery, behaviours: ListBehaviours): ProviderFilter {
  const [name, uuid, inTree, resources] = [
    last(parameters.name),
    last(parameters.uuid),
    last(parameters.in_tree),
    last(parameters.resources),
  ]
  const traits = readTraits(parameters.required ?? [], {
    forbidden: behaviours.forbiddenTraits,
    anyOf: behaviours.anyTraits,
  })
  const aggregates = readAggregates('member_of', parameters.member_of ?? [], {
    forbidden: behaviours.forbiddenAggregates,
    several: behaviours.severalMemberOf,
  })
  return {
    // An empty name asks for nothing, in the real service too.
    ...(name && { name }),
    ...(uuid !== undefined && { uuid: canonicalUuid(uuid) }),
    ...(inTree !== undefined && { inTree: canonicalUuid(inTree) }),
    ...(resources !== undefined && { resources: readResources(resources) }),
    requiredTraits: traits.required,
    forbiddenTraits: traits.forbidden,
    memberOf: aggregates.memberOf,
    forbiddenAggregates: aggregates.forbidden,
  }
}

async function refuseUnknown({ db }: Scope, filter: ProviderFilter): Promise<void> {
  const unknown = await unknownResourceClass(db, [...(filter.resources?.keys() ?? [])])
  if (unknown !== undefined)
    throw badRequest(`Invalid resource class in resources parameter: No such resource class ${unknown}.`)
  const missing = await unknownTraits(db, [
    ...(filter.requiredTraits ?? []).flat(),
    ...(filter.forbiddenTraits ?? []),
  ])
  if (missing.length > 0)
    throw badRequest(`Invalid trait(s) in "required" parameter: No such trait(s): ${missing.join(', ')}.`)
}

export const resourceProviderEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async (call) => {
    const filter = readFilter(call.query as ListQuery, call.behaviours)
    await refuseUnknown(call.scope, filter)
    const providers = await listProviders(call.scope.db, filter)
    return {
      body: { resource_providers: providers.map((provider) => showProvider(call, provider)) },
      lastModified: providers.length === 0 ? undefined : Math.max(...providers.map((each) => each.updatedAt)),
    }
  }),
  endpoint(createSpec, async (call) => {
    const { name, uuid, parent_provider_uuid: parent } = call.body
    const provider = {
      uuid: uuid === undefined ? call.scope.ids.uuid() : canonicalUuid(uuid),
      name,
      parentUuid: parent ? canonicalUuid(parent) : null,
    }
    if (name === '')
      throw badRequest(`Unable to create resource provider "", ${provider.uuid}: name is required`)
    await call.write((trx, now) => insertProvider(trx, provider, now))
    const location = `/resource_providers/${provider.uuid}`
    if (!call.behaviours.answersProvider) return { location }
    const made = await getProvider(call.scope.db, provider.uuid)
    return { location, body: showProvider(call, made), lastModified: made.updatedAt }
  }),
  endpoint(showSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    return { body: showProvider(call, provider), lastModified: provider.updatedAt }
  }),
  endpoint(
    updateSpec,
    async (call) => {
      const uuid = param(call, 'uuid')
      const { name, parent_provider_uuid: parent } = call.body
      const { mayMove } = call.behaviours
      await call.write((trx, now) =>
        updateProvider(
          trx,
          uuid,
          {
            name,
            ...(parent !== undefined && { parentUuid: parent === null ? null : canonicalUuid(parent) }),
            mayMove,
          },
          now,
        ),
      )
      const provider = await getProvider(call.scope.db, uuid)
      return { body: showProvider(call, provider), lastModified: provider.updatedAt }
    },
    { looksFirst: true },
  ),
  endpoint(removeSpec, async (call) => {
    await call.write((trx, now) => removeProvider(trx, param(call, 'uuid'), now))
    return {}
  }),
]
