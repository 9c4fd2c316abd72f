/** Candidates found by trying everything, under every root: slow, and plainly right. What the search is compared with. */
import { SHARES_VIA_AGGREGATE } from '../standard.ts'
import type { Room } from '../engine/rooms.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'

export interface NaiveProvider {
  readonly id: number
  readonly uuid: string
  readonly parentId: number | null
  readonly rootId: number
  readonly rooms: ReadonlyMap<string, Omit<Room, 'resourceClass'>>
  readonly traits: ReadonlySet<string>
  readonly aggregates: ReadonlySet<string>
}

/** One thing to be put somewhere: an amount of a class for a group, or a group that wants nothing. */
interface Item {
  readonly suffix: string
  readonly group: RequestGroup
  readonly resourceClass: string | undefined
  readonly amount: number
}

type Pair = { readonly item: Item; readonly provider: NaiveProvider }

const itemsOf = (query: CandidateQuery): Item[] =>
  [...query.groups].flatMap(([suffix, group]): Item[] =>
    group.resources.size === 0
      ? [{ suffix, group, resourceClass: undefined, amount: 0 }]
      : [...group.resources].map(([resourceClass, amount]) => ({ suffix, group, resourceClass, amount })),
  )

/** Every candidate as text, by each root that it can be found under. */
export function everything(
  world: readonly NaiveProvider[],
  query: CandidateQuery,
): ReadonlyMap<string, ReadonlySet<number>> {
  const items = itemsOf(query)
  const found = new Map<string, Set<number>>()
  for (const root of world) {
    if (root.rootId !== root.id) continue
    if (!query.rootRequiredTraits.every((trait) => root.traits.has(trait))) continue
    if (query.rootForbiddenTraits.some((trait) => root.traits.has(trait))) continue
    const options = items.map((item) => world.filter((provider) => mayHold(world, root, { item, provider })))
    for (const chosen of product(options)) {
      const pairs = items.map((item, index) => ({ item, provider: chosen[index] as NaiveProvider }))
      if (!holdTogether(world, query, pairs)) continue
      const name = nameOf(pairs)
      found.set(name, (found.get(name) ?? new Set()).add(root.id))
    }
  }
  return found
}

function* product<T>(lists: readonly (readonly T[])[]): Generator<T[]> {
  const [first, ...others] = lists
  if (!first) yield []
  else for (const one of first) for (const rest of product(others)) yield [one, ...rest]
}

const meets = (aggregates: ReadonlySet<string>, memberOf: readonly (readonly string[])[]) =>
  memberOf.every((anyOf) => anyOf.some((each) => aggregates.has(each)))

/** Whether the provider may hold the item under the root, looked at by itself. */
function mayHold(world: readonly NaiveProvider[], root: NaiveProvider, { item, provider }: Pair): boolean {
  const near = new Set(
    world.filter((each) => each.rootId === root.id).flatMap((each) => [...each.aggregates]),
  )
  const own = provider.rootId === root.id
  const shares =
    provider.traits.has(SHARES_VIA_AGGREGATE) && [...provider.aggregates].some((one) => near.has(one))
  if (!own && !shares) return false
  const { group } = item
  if (group.inTree !== null) {
    const tree = world.find((each) => each.uuid === group.inTree)
    if (tree === undefined || provider.rootId !== tree.rootId) return false
    if (item.suffix === '' && root.id !== tree.rootId) return false
  }
  if (group.forbiddenTraits.some((trait) => provider.traits.has(trait))) return false
  if (group.forbiddenAggregates.some((each) => provider.aggregates.has(each))) return false
  if (item.suffix === '' && group.forbiddenAggregates.some((each) => root.aggregates.has(each))) return false
  const spans = item.suffix === '' && own && meets(root.aggregates, group.memberOf)
  if (!spans && !meets(provider.aggregates, group.memberOf)) return false
  if (item.resourceClass === undefined) return true
  const room = provider.rooms.get(item.resourceClass)
  return room !== undefined && item.amount >= room.minUnit && item.amount % room.stepSize === 0
}

const holdTogether = (
  world: readonly NaiveProvider[],
  query: CandidateQuery,
  pairs: readonly Pair[],
): boolean => groupsHold(world, query, pairs) && sumsFit(pairs) && (query.nested || oneATree(pairs))

function groupsHold(world: readonly NaiveProvider[], query: CandidateQuery, pairs: readonly Pair[]): boolean {
  const of = (suffix: string) => [
    ...new Set(pairs.filter(({ item }) => item.suffix === suffix).map(({ provider }) => provider)),
  ]
  const suffixed = [...query.groups.keys()].filter((suffix) => suffix !== '')
  for (const [suffix, group] of query.groups) {
    const chosen = of(suffix)
    if (suffix !== '' && chosen.length !== 1) return false
    const traits = new Set(chosen.flatMap((each) => [...each.traits]))
    if (!group.requiredTraits.every((anyOf) => anyOf.some((trait) => traits.has(trait)))) return false
  }
  const chosen = suffixed.flatMap(of)
  if (query.groupPolicy === 'isolate' && new Set(chosen).size !== chosen.length) return false
  const parentOf = (low: NaiveProvider) => world.find((each) => each.id === low.parentId)
  const isAbove = (top: NaiveProvider, low: NaiveProvider | undefined): boolean =>
    low !== undefined && (low === top || isAbove(top, parentOf(low)))
  return query.sameSubtrees.every((set) => {
    const members = set.flatMap(of)
    return members.some((top) => members.every((low) => isAbove(top, low)))
  })
}

function sumsFit(pairs: readonly Pair[]): boolean {
  return pairs.every(({ item: { resourceClass }, provider }) => {
    if (resourceClass === undefined) return true
    const sum = pairs
      .filter((each) => each.provider === provider && each.item.resourceClass === resourceClass)
      .reduce((total, each) => total + each.item.amount, 0)
    const room = provider.rooms.get(resourceClass)
    return room !== undefined && room.used + sum <= room.capacity && sum <= room.maxUnit
  })
}

function oneATree(pairs: readonly Pair[]): boolean {
  const taken = pairs.filter(({ item }) => item.resourceClass !== undefined)
  const used = [...new Set(taken.map(({ provider }) => provider))]
  return new Set(used.map((each) => each.rootId)).size === used.length
}

function nameOf(pairs: readonly Pair[]): string {
  const amounts = new Map<string, number>()
  for (const { item, provider } of pairs) {
    if (item.resourceClass === undefined) continue
    const key = `${provider.uuid} ${item.resourceClass}`
    amounts.set(key, (amounts.get(key) ?? 0) + item.amount)
  }
  const met = new Set(pairs.map(({ item, provider }) => `${item.suffix}=${provider.uuid}`))
  return nameBy(
    [...amounts].map(([key, amount]) => `${key} ${amount}`),
    [...met],
  )
}

/** A candidate as text: what is taken of whom, and who meets which group. */
export const nameBy = (amounts: string[], met: string[]): string =>
  JSON.stringify([amounts.sort(), met.sort()])
