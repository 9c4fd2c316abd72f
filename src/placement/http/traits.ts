/** `/traits` and the traits of a provider. */
import { badRequest } from '#lib/fault.ts'
import {
  compileSchema,
  constant,
  list,
  many,
  object,
  operation,
  query,
  required,
} from '#lib/versioned/index.ts'
import { getProvider } from '../db/providers.ts'
import {
  getTrait,
  insertTrait,
  listProviderTraits,
  listTraits,
  removeTrait,
  replaceProviderTraits,
  type TraitFilter,
} from '../db/traits.ts'
import { type Endpoint, endpoint, last, param } from './endpoint.ts'
import { CUSTOM_NAME, integer } from './shapes.ts'

const versions = '1.6..'
const RULE = 'placement:traits'
const PROVIDER_RULE = 'placement:resource_providers:traits'
const PROVIDER_PATH = '/resource_providers/{uuid}/traits'

const listSpec = operation({
  path: 'GET /traits',
  versions,
  policy: `${RULE}:list`,
  query: query({ name: many(), associated: many() }),
})
const showSpec = operation({ path: 'GET /traits/{name}', versions, policy: `${RULE}:show`, status: 204 })
const putSpec = operation({ path: 'PUT /traits/{name}', versions, policy: `${RULE}:update` })
const removeSpec = operation({
  path: 'DELETE /traits/{name}',
  versions,
  policy: `${RULE}:delete`,
  status: 204,
})
const listOfProviderSpec = operation({
  path: `GET ${PROVIDER_PATH}`,
  versions,
  policy: `${PROVIDER_RULE}:list`,
})
const putOfProviderSpec = operation({
  path: `PUT ${PROVIDER_PATH}`,
  versions,
  policy: `${PROVIDER_RULE}:update`,
  body: object({
    traits: required(list(constant<string>({ type: 'string', minLength: 1, maxLength: 255 }))),
    resource_provider_generation: required(integer()),
  }),
})
const clearOfProviderSpec = operation({
  path: `DELETE ${PROVIDER_PATH}`,
  versions,
  policy: `${PROVIDER_RULE}:delete`,
  status: 204,
})

const checkCustomName = compileSchema(CUSTOM_NAME)

/** `in:A,B` or `startswith:PREFIX`. Throws `badRequest`. */
function readFilter(name: string | undefined, associated: string | undefined): TraitFilter {
  const filter: { names?: string[]; prefix?: string; associated?: boolean } = {}
  if (name !== undefined) {
    const [operator = '', ...rest] = name.split(':')
    if (rest.length === 0)
      throw badRequest(
        `Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "${name}"`,
      )
    if (operator === 'in') filter.names = rest.join(':').split(',')
    if (operator === 'startswith') filter.prefix = rest.join(':')
  }
  if (associated !== undefined) {
    if (!['true', 'false'].includes(associated.toLowerCase()))
      throw badRequest('The query parameter "associated" only accepts "true" or "false"')
    filter.associated = associated.toLowerCase() === 'true'
  }
  return filter
}

const showTraits = (traits: readonly string[], generation: number) => ({
  traits: [...new Set(traits)].sort(),
  resource_provider_generation: generation,
})

export const traitEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async (call) => {
    const filter = readFilter(last(call.query.name), last(call.query.associated))
    const traits = await listTraits(call.scope.db, filter)
    return { body: { traits: traits.map((trait) => trait.name) } }
  }),
  endpoint(showSpec, async (call) => {
    const trait = await getTrait(call.scope.db, param(call, 'name'))
    return { lastModified: trait.createdAt ?? call.scope.clock.now() }
  }),
  endpoint(putSpec, async (call) => {
    const name = param(call, 'name')
    if (checkCustomName(name, { strip: false }))
      throw badRequest(
        'The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"',
      )
    const made = await insertTrait(call.scope.db, name, call.scope.clock.now())
    return { status: made ? 201 : 204, location: `/traits/${name}`, lastModified: call.scope.clock.now() }
  }),
  endpoint(removeSpec, async (call) => {
    await call.write((trx) => removeTrait(trx, param(call, 'name')))
    return {}
  }),
  endpoint(listOfProviderSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    return { body: showTraits(await listProviderTraits(call.scope.db, provider.id), provider.generation) }
  }),
  endpoint(putOfProviderSpec, async (call) => {
    const { traits, resource_provider_generation: expected } = call.body
    const generation = await call.write((trx, now) =>
      replaceProviderTraits(trx, param(call, 'uuid'), expected, traits, now),
    )
    return { body: showTraits(traits, generation) }
  }),
  endpoint(clearOfProviderSpec, async (call) => {
    await call.write((trx, now) => replaceProviderTraits(trx, param(call, 'uuid'), undefined, [], now))
    return {}
  }),
]
