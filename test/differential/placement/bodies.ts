/** Random bodies: well formed for the version for the most part, spoilt now and then. */
import type { Chance } from '../chance.ts'
import { CLASSES, minorOf, PROJECTS, TYPES, USERS, type World } from './world.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const amountsOf = (chance: Chance): Json => {
  const names: string[] = chance.some(CLASSES.slice(0, 4), 2)
  if (names.length === 0) names.push('VCPU')
  if (chance.oneIn(20)) names.push(chance.pick(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_NOPE']))
  return Object.fromEntries(
    names.map((name) => [
      name,
      chance.weighted([
        [8, chance.between(1, 3)],
        [2, chance.between(4, 12)],
        [1, 1000],
      ]),
    ]),
  )
}

export function inventory(chance: Chance): { [key: string]: Json } {
  const total = chance.weighted([
    [6, chance.between(4, 16)],
    [1, 1],
    [1, 4096],
    [1, 2_147_483_647],
  ])
  return {
    total,
    ...(chance.oneIn(3) && {
      reserved: chance.weighted([
        [4, chance.between(0, 3)],
        [1, total],
        [1, total + 1],
      ]),
    }),
    ...(chance.oneIn(5) && { min_unit: chance.between(1, 3) }),
    ...(chance.oneIn(5) && { max_unit: chance.between(2, 8) }),
    ...(chance.oneIn(6) && { step_size: chance.between(1, 3) }),
    ...(chance.oneIn(3) && { allocation_ratio: chance.pick([1, 1.5, 2, 16, 0.5, 0.9]) }),
  }
}

export function inventories(chance: Chance): { [key: string]: Json } {
  const names: string[] = chance.some(CLASSES.slice(0, 4), 4)
  if (chance.oneIn(8)) names.push(chance.pick(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_NOPE', 'NOPE']))
  return Object.fromEntries(names.map((name) => [name, inventory(chance)]))
}

/** The part of one consumer, in the form of the version. `generation` as it should be written. */
export function allocation(
  chance: Chance,
  world: World,
  version: string,
  { generation, isPost = false }: { generation: number | null; isPost?: boolean },
): { [key: string]: Json } {
  const minor = minorOf(version)
  const some = chance.some(world.providers, 2)
  const providers = some.length > 0 ? some : [chance.pick(world.providers)]
  const isEmpty = generation !== null && (minor >= 28 || isPost) && chance.oneIn(4)
  const taken: Json =
    minor < 12
      ? providers.map((uuid) => ({ resource_provider: { uuid }, resources: amountsOf(chance) }))
      : Object.fromEntries(
          isEmpty
            ? []
            : providers.map((uuid) => [
                uuid,
                { resources: amountsOf(chance), ...(chance.oneIn(10) && { generation: 1 }) },
              ]),
        )
  return {
    allocations: taken,
    ...(minor >= 8 && { project_id: chance.pick(PROJECTS), user_id: chance.pick(USERS) }),
    ...(minor >= 28 && { consumer_generation: chance.oneIn(8) ? chance.pick([null, 0, 1, 7]) : generation }),
    ...(minor >= 34 && chance.oneIn(4) && { mappings: { '': providers.slice(0, 1) } }),
    ...(minor >= 38 && { consumer_type: chance.pick(TYPES) }),
  }
}

const ODD: readonly Json[] = [
  null,
  '',
  'x',
  0,
  -1,
  1.5,
  true,
  [],
  {},
  'CUSTOM_NOPE',
  1e30,
  'ü☃',
  2_147_483_648,
]

/** One value replaced, dropped, or given an unknown neighbour; one level or two down. */
export function spoil(chance: Chance, body: Json): Json {
  if (typeof body !== 'object' || body === null || chance.oneIn(8)) return chance.pick(ODD)
  if (Array.isArray(body))
    return body.length === 0 || chance.oneIn(3)
      ? [...body, chance.pick(ODD)]
      : body.map((each, index) => (index === 0 ? spoil(chance, each) : each))
  const fields = body as { readonly [key: string]: Json }
  const entries = Object.entries(fields)
  if (entries.length === 0 || chance.oneIn(4)) return { ...fields, nope: 1 }
  const [name, value] = chance.pick(entries)
  const rest = Object.fromEntries(entries.filter(([other]) => other !== name))
  return chance.weighted<() => Json>([
    [2, () => rest],
    [3, () => ({ ...fields, [name]: chance.pick(ODD) })],
    [3, () => ({ ...fields, [name]: spoil(chance, value) })],
  ])()
}
