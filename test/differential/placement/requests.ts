/** Random requests of every route, most of them sensible in the world that the requests before have made. */
import type { Chance } from '../chance.ts'
import { allocation, inventories, inventory, type Json } from './bodies.ts'
import type { Ask } from './client.ts'
import {
  consumer,
  generation,
  get,
  type Knowledge,
  type Make,
  type Making,
  provider,
  withBody,
} from './making.ts'
import { odd } from './odd.ts'
import { candidateQuery, providerQuery } from './queries.ts'
import {
  CLASSES,
  CUSTOM_CLASSES,
  CUSTOM_TRAITS,
  minorOf,
  PROJECTS,
  TRAITS,
  TYPES,
  USERS,
  versionOf,
  type World,
} from './world.ts'

const name = (chance: Chance): string => `name-${chance.between(0, 13)}`

const createProvider: Make = (making) => {
  const { chance, world, version } = making
  const index = chance.between(0, world.providers.length - 1)
  const body = {
    name: chance.oneIn(10) ? name(chance) : `name-${index}`,
    uuid: world.providers[index] ?? '',
    ...(minorOf(version) >= 14 &&
      chance.oneIn(2) && { parent_provider_uuid: chance.oneIn(10) ? null : chance.pick(world.providers) }),
  }
  const ask = withBody(making, 'POST', '/resource_providers', body)
  // Each would make up a uuid of its own.
  return ask.text?.includes('"uuid"') ? ask : { ...ask, text: JSON.stringify(body) }
}

const updateProvider: Make = (making) => {
  const { chance, world, version } = making
  return withBody(making, 'PUT', `/resource_providers/${provider(making)}`, {
    name: name(chance),
    ...(minorOf(version) >= 14 &&
      chance.oneIn(2) && { parent_provider_uuid: chance.oneIn(3) ? null : chance.pick(world.providers) }),
  })
}

const setInventories: Make = async (making) => {
  const uuid = provider(making)
  const body = {
    resource_provider_generation: await generation(making, uuid),
    inventories: inventories(making.chance),
  }
  return withBody(making, 'PUT', `/resource_providers/${uuid}/inventories`, body)
}

const oneClass = ({ chance }: Making): string =>
  chance.oneIn(15) ? chance.pick(['CUSTOM_C', 'NOPE', 'vcpu', 'x']) : chance.pick(CLASSES)

const addInventory: Make = async (making) => {
  const uuid = provider(making)
  const withGeneration = making.chance.oneIn(2)
  return withBody(making, 'POST', `/resource_providers/${uuid}/inventories`, {
    resource_class: oneClass(making),
    ...inventory(making.chance),
    ...(withGeneration && { resource_provider_generation: await generation(making, uuid) }),
  })
}

const setInventory: Make = async (making) => {
  const uuid = provider(making)
  const body = { resource_provider_generation: await generation(making, uuid), ...inventory(making.chance) }
  return withBody(making, 'PUT', `/resource_providers/${uuid}/inventories/${oneClass(making)}`, body)
}

const setTraits: Make = async (making) => {
  const uuid = provider(making)
  const traits: string[] = making.chance.some(TRAITS, 3)
  if (making.chance.oneIn(12))
    traits.push(making.chance.pick(['CUSTOM_NOPE', 'nope', traits[0] ?? 'HW_CPU_X86_VMX']))
  const body = { resource_provider_generation: await generation(making, uuid), traits }
  return withBody(making, 'PUT', `/resource_providers/${uuid}/traits`, body)
}

const setAggregates: Make = async (making) => {
  const uuid = provider(making)
  const { chance, world, version } = making
  const aggregates = chance.some(world.aggregates, 3)
  const body: Json =
    minorOf(version) >= 19
      ? { aggregates, resource_provider_generation: await generation(making, uuid) }
      : aggregates
  return withBody(making, 'PUT', `/resource_providers/${uuid}/aggregates`, body)
}

const claim: Make = async (making) => {
  const { chance, world, version, known } = making
  const uuid = consumer(making)
  const body = allocation(chance, world, version, { generation: await known.consumerGeneration(uuid) })
  return withBody(making, 'PUT', `/allocations/${uuid}`, body)
}

async function consumers(making: Making): Promise<Json> {
  const { chance, world, version, known } = making
  const entries: [string, Json][] = []
  for (const uuid of chance.some(world.consumers, 3)) {
    const generationOf = await known.consumerGeneration(uuid)
    const form = minorOf(version) < 12 ? '1.13' : version
    entries.push([uuid, allocation(chance, world, form, { generation: generationOf, isPost: true })])
  }
  return Object.fromEntries(entries)
}

const claimSeveral: Make = async (making) => withBody(making, 'POST', '/allocations', await consumers(making))

const reshape: Make = async (making) => {
  const { chance, world, version } = making
  const entries: [string, Json][] = []
  for (const uuid of chance.some(world.providers, 2))
    entries.push([
      uuid,
      { resource_provider_generation: await generation(making, uuid), inventories: inventories(chance) },
    ])
  const form = minorOf(version) < 28 ? { ...making, version: '1.30' } : making
  return withBody(making, 'POST', '/reshaper', {
    inventories: Object.fromEntries(entries),
    allocations: chance.oneIn(2) ? {} : await consumers(form),
  })
}

const usages: Make = ({ chance, version }) => {
  const parameters = [
    ...(chance.oneIn(20) ? [] : [`project_id=${chance.pick([...PROJECTS, 'nobody'])}`]),
    ...(chance.oneIn(2) ? [`user_id=${chance.pick(USERS)}`] : []),
    ...((minorOf(version) >= 38 || chance.oneIn(20)) && chance.oneIn(2)
      ? [`consumer_type=${chance.pick([...TYPES, 'all', 'unknown', 'NOPE', 'x'])}`]
      : []),
  ]
  return get(version, `/usages?${parameters.join('&')}`)
}

const traitList: Make = ({ chance, version }) => {
  const value = chance.pick([
    '',
    'name=startswith:CUSTOM_',
    'name=in:CUSTOM_T1,HW_CPU_X86_VMX,NOPE',
    'associated=true',
    'associated=False',
    'associated=x',
    'name=x',
    'name=x:y',
    'name=startswith:CUSTOM_&associated=true',
    'nope=1',
    'name=in:',
    'name=startswith:',
    'name=startswith:%25',
  ])
  return get(version, `/traits?${value}`)
}

const customTrait = (chance: Chance): string =>
  chance.oneIn(12)
    ? chance.pick(['HW_CPU_X86_VMX', 'CUSTOM_', 'CUSTOM_x', 'nope', `CUSTOM_${'A'.repeat(250)}`])
    : chance.pick(CUSTOM_TRAITS)

const customClass = (chance: Chance): string =>
  chance.oneIn(12)
    ? chance.pick(['VCPU', 'CUSTOM_', 'CUSTOM_x', 'nope', `CUSTOM_${'A'.repeat(250)}`])
    : chance.pick(CUSTOM_CLASSES)

const putClass: Make = (making) => {
  const { chance, version } = making
  const path = `/resource_classes/${customClass(chance)}`
  if (minorOf(version) < 7) return withBody(making, 'PUT', path, { name: customClass(chance) })
  return { method: 'PUT', path, version }
}

const CHOICES: readonly (readonly [number, Make])[] = [
  [5, createProvider],
  [2, updateProvider],
  [
    1.5,
    (making) => ({
      method: 'DELETE',
      path: `/resource_providers/${provider(making)}`,
      version: making.version,
    }),
  ],
  [3, (making) => get(making.version, `/resource_providers/${provider(making)}`)],
  [
    8,
    (making) =>
      get(
        making.version,
        `/resource_providers?${providerQuery(making.chance, making.world, making.version)}`,
      ),
  ],
  [6, setInventories],
  [2, addInventory],
  [2, setInventory],
  [
    1.5,
    (making) => ({
      method: 'DELETE',
      path: `/resource_providers/${provider(making)}/inventories/${oneClass(making)}`,
      version: making.version,
    }),
  ],
  [
    0.7,
    (making) => ({
      method: 'DELETE',
      path: `/resource_providers/${provider(making)}/inventories`,
      version: making.version,
    }),
  ],
  [2, (making) => get(making.version, `/resource_providers/${provider(making)}/inventories`)],
  [
    1,
    (making) =>
      get(making.version, `/resource_providers/${provider(making)}/inventories/${oneClass(making)}`),
  ],
  [2, (making) => get(making.version, `/resource_providers/${provider(making)}/usages`)],
  [1, (making) => get(making.version, `/resource_providers/${provider(making)}/aggregates`)],
  [3, setAggregates],
  [2, (making) => get(making.version, `/resource_providers/${provider(making)}/allocations`)],
  [1, (making) => get(making.version, `/resource_providers/${provider(making)}/traits`)],
  [4, setTraits],
  [
    0.7,
    (making) => ({
      method: 'DELETE',
      path: `/resource_providers/${provider(making)}/traits`,
      version: making.version,
    }),
  ],
  [6, claim],
  [4, claimSeveral],
  [2, (making) => get(making.version, `/allocations/${consumer(making)}`)],
  [3, (making) => ({ method: 'DELETE', path: `/allocations/${consumer(making)}`, version: making.version })],
  [3, reshape],
  [2, usages],
  [1.5, traitList],
  [1, ({ chance, version }) => get(version, `/traits/${customTrait(chance)}`)],
  [2, ({ chance, version }) => ({ method: 'PUT', path: `/traits/${customTrait(chance)}`, version })],
  [0.5, ({ chance, version }) => ({ method: 'DELETE', path: `/traits/${customTrait(chance)}`, version })],
  [1, ({ version }) => get(version, '/resource_classes')],
  [1, ({ chance, version }) => get(version, `/resource_classes/${customClass(chance)}`)],
  [1, (making) => withBody(making, 'POST', '/resource_classes', { name: customClass(making.chance) })],
  [2, putClass],
  [
    0.5,
    ({ chance, version }) => ({
      method: 'DELETE',
      path: `/resource_classes/${customClass(chance)}`,
      version,
    }),
  ],
  [
    18,
    ({ chance, world, version }) =>
      get(version, `/allocation_candidates?${candidateQuery(chance, world, version)}`),
  ],
  [5, odd],
]

/** The next request. */
export async function nextAsk(chance: Chance, world: World, known: Knowledge): Promise<Ask> {
  return chance.weighted(CHOICES)({ chance, world, known, version: versionOf(chance) })
}

/** What makes a world to begin with: classes, traits, a dozen providers in trees, with all that they have. */
export async function* firstAsks(chance: Chance, world: World, known: Knowledge): AsyncGenerator<Ask> {
  const version = '1.39'
  const making = { chance, world, known, version }
  for (const custom of ['CUSTOM_A', 'CUSTOM_B'])
    yield { method: 'PUT', path: `/resource_classes/${custom}`, version }
  for (const custom of ['CUSTOM_T1', 'CUSTOM_T2']) yield { method: 'PUT', path: `/traits/${custom}`, version }
  for (const [index, uuid] of world.providers.entries()) {
    const parent = index > 2 && chance.oneIn(2) ? world.providers[chance.between(0, index - 1)] : undefined
    const body = {
      name: `name-${index}`,
      uuid,
      ...(parent !== undefined && { parent_provider_uuid: parent }),
    }
    yield { method: 'POST', path: '/resource_providers', version, text: JSON.stringify(body) }
  }
  for (let rounds = 0; rounds < 30; rounds += 1)
    for (const make of [setInventories, setTraits, setAggregates]) yield await make(making)
}
