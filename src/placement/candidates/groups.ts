/** How one group of a query can be met within a tree: by one provider, or by several together. */
import { SHARES_VIA_AGGREGATE } from '../standard.ts'
import type { RequestGroup } from './query.ts'
import type { GroupChoice } from './search.ts'
import { type Anchor, hasRoom, type World, type WorldProvider } from './world.ts'

const inAll = (aggregates: ReadonlySet<string>, memberOf: readonly (readonly string[])[]): boolean =>
  memberOf.every((anyOf) => anyOf.some((aggregate) => aggregates.has(aggregate)))

const inAny = (aggregates: ReadonlySet<string>, forbidden: readonly string[]): boolean =>
  forbidden.some((aggregate) => aggregates.has(aggregate))

const hasTraits = (traits: ReadonlySet<string>, required: readonly (readonly string[])[]): boolean =>
  required.every((anyOf) => anyOf.some((trait) => traits.has(trait)))

const hasForbidden = (provider: WorldProvider, group: RequestGroup): boolean =>
  group.forbiddenTraits.some((trait) => provider.traits.has(trait))

/** The root of the tree the group is bound to; undefined when it is bound to none. */
function boundTo(world: World, group: RequestGroup): number | undefined {
  if (group.inTree === null) return undefined
  for (const provider of world.values()) if (provider.uuid === group.inTree) return provider.rootId
  return Number.NaN
}

/** The single providers, of the tree or sharing with it, that have all a group asks for. */
export function meetingAlone(
  world: World,
  anchor: Anchor,
  suffix: string,
  group: RequestGroup,
): GroupChoice[] {
  const bound = boundTo(world, group)
  return [...anchor.members, ...anchor.sharing]
    .filter(
      (provider) =>
        (bound === undefined || provider.rootId === bound) &&
        [...group.resources].every(([resourceClass, amount]) =>
          hasRoom(provider.rooms.get(resourceClass), amount),
        ) &&
        hasTraits(provider.traits, group.requiredTraits) &&
        !hasForbidden(provider, group) &&
        inAll(provider.aggregates, group.memberOf) &&
        !inAny(provider.aggregates, group.forbiddenAggregates),
    )
    .map((provider) => ({ suffix, taken: new Map([[provider, group.resources]]) }))
}

/**
 * The ways in which providers of the tree and those sharing with it have together what the group asks
 * for, each class from one of them. An aggregate of the root counts for its whole tree.
 */
export function* meetingTogether(world: World, anchor: Anchor, group: RequestGroup): Generator<GroupChoice> {
  const bound = boundTo(world, group)
  if (bound !== undefined && bound !== anchor.root.id) return
  const usable = [
    ...anchor.members.filter((provider) => memberUsable(provider, anchor, group)),
    ...(bound === undefined
      ? anchor.sharing.filter((provider) => sharingUsable(provider, anchor, group))
      : []),
  ]
  const options: { resourceClass: string; amount: number; providers: WorldProvider[] }[] = []
  for (const [resourceClass, amount] of group.resources) {
    const providers = usable.filter((provider) => hasRoom(provider.rooms.get(resourceClass), amount))
    if (providers.length === 0) return
    options.push({ resourceClass, amount, providers })
  }
  for (const providers of product(options.map((option) => option.providers))) {
    const traits = new Set(providers.flatMap((provider) => [...provider.traits]))
    if (!hasTraits(traits, group.requiredTraits)) continue
    const taken = new Map<WorldProvider, Map<string, number>>()
    for (const [index, provider] of providers.entries()) {
      const option = options[index]
      if (!option) continue
      const resources = taken.get(provider) ?? new Map<string, number>()
      taken.set(provider, resources.set(option.resourceClass, option.amount))
    }
    yield { suffix: '', taken }
  }
}

const memberUsable = (provider: WorldProvider, anchor: Anchor, group: RequestGroup): boolean =>
  !hasForbidden(provider, group) &&
  (inAll(provider.aggregates, group.memberOf) || inAll(anchor.root.aggregates, group.memberOf)) &&
  !inAny(provider.aggregates, group.forbiddenAggregates) &&
  !inAny(anchor.root.aggregates, group.forbiddenAggregates)

/** What shares must itself be in the aggregates that are asked for. */
const sharingUsable = (provider: WorldProvider, anchor: Anchor, group: RequestGroup): boolean =>
  provider.traits.has(SHARES_VIA_AGGREGATE) &&
  !hasForbidden(provider, group) &&
  inAll(provider.aggregates, group.memberOf) &&
  !inAny(provider.aggregates, group.forbiddenAggregates) &&
  !inAny(anchor.root.aggregates, group.forbiddenAggregates)

/** Every way to take one of each list. */
function* product<T>(lists: readonly (readonly T[])[], chosen: readonly T[] = []): Generator<readonly T[]> {
  const list = lists[chosen.length]
  if (!list) {
    yield chosen
    return
  }
  for (const item of list) yield* product(lists, [...chosen, item])
}
