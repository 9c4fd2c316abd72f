/**
 * The search for candidates: lazily, tree by tree, so that whoever takes only `limit` of them does only
 * the work for those. Pure: the world and the query in, candidates out.
 */
import { meetingTogether, meetingAlone } from './groups.ts'
import type { CandidateQuery } from './query.ts'
import { type Anchor, anchorsOf, type World, type WorldProvider } from './world.ts'

/** Amounts of resource classes by provider. */
export type Taken = ReadonlyMap<WorldProvider, ReadonlyMap<string, number>>

export interface FoundCandidate {
  readonly taken: Taken
  /** Which providers meet which group. */
  readonly mappings: ReadonlyMap<string, readonly WorldProvider[]>
}

/** How one group can be met: providers and what is taken of each (nothing, of a group without resources). */
export interface GroupChoice {
  readonly suffix: string
  readonly taken: Taken
}

/** All candidates, each once, in the order of the world. */
export function* search(world: World, query: CandidateQuery): Generator<FoundCandidate> {
  const seen = new Set<string>()
  for (const anchor of anchorsOf(world)) {
    if (!rootFits(anchor.root, query)) continue
    for (const candidate of candidatesIn(world, anchor, query)) {
      const identity = identityOf(candidate)
      if (seen.has(identity)) continue
      seen.add(identity)
      yield candidate
    }
  }
}

const rootFits = (root: WorldProvider, query: CandidateQuery): boolean =>
  query.rootRequiredTraits.every((trait) => root.traits.has(trait)) &&
  !query.rootForbiddenTraits.some((trait) => root.traits.has(trait))

function* candidatesIn(world: World, anchor: Anchor, query: CandidateQuery): Generator<FoundCandidate> {
  const suffixed: { suffix: string; choices: readonly GroupChoice[] }[] = []
  for (const [suffix, group] of query.groups) {
    if (suffix === '') continue
    const choices = meetingAlone(world, anchor, suffix, group)
    if (choices.length === 0) return
    suffixed.push({ suffix, choices })
  }
  const free = query.groups.get('')
  for (const choices of combinations(suffixed, query)) {
    if (!sameSubtreesHold(world, choices, query)) continue
    for (const together of free ? meetingTogether(world, anchor, free) : [undefined]) {
      const candidate = candidateOf(together ? [...choices, together] : choices)
      if (candidate && (query.nested || onePerTree(candidate))) yield candidate
    }
  }
}

/** Every way to take one choice of each group, under the group policy. */
function* combinations(
  groups: readonly { suffix: string; choices: readonly GroupChoice[] }[],
  query: CandidateQuery,
  chosen: readonly GroupChoice[] = [],
): Generator<readonly GroupChoice[]> {
  const group = groups[chosen.length]
  if (!group) {
    yield chosen
    return
  }
  for (const choice of group.choices) {
    if (query.groupPolicy === 'isolate' && chosen.some((other) => shareProvider(other, choice))) continue
    if (chosen.length > 0 && !candidateOf([...chosen, choice])) continue
    yield* combinations(groups, query, [...chosen, choice])
  }
}

const shareProvider = (a: GroupChoice, b: GroupChoice): boolean =>
  [...a.taken.keys()].some((provider) => b.taken.has(provider))

/** The choices as one candidate; undefined when together they take more of a provider than there is. */
function candidateOf(choices: readonly GroupChoice[]): FoundCandidate | undefined {
  const taken = new Map<WorldProvider, Map<string, number>>()
  for (const choice of choices) {
    for (const [provider, resources] of choice.taken) {
      for (const [resourceClass, amount] of resources) {
        const sums = taken.get(provider) ?? new Map<string, number>()
        taken.set(provider, sums)
        const sum = (sums.get(resourceClass) ?? 0) + amount
        const room = provider.rooms.get(resourceClass)
        if (!room || room.used + sum > room.capacity || sum > room.maxUnit) return undefined
        sums.set(resourceClass, sum)
      }
    }
  }
  return { taken, mappings: new Map(choices.map(({ suffix, taken: part }) => [suffix, [...part.keys()]])) }
}

function onePerTree(candidate: FoundCandidate): boolean {
  const roots = [...candidate.taken.keys()].map((provider) => provider.rootId)
  return new Set(roots).size === roots.length
}

/** Whether in each set one of the providers is above, or is, all of the others. */
function sameSubtreesHold(world: World, choices: readonly GroupChoice[], query: CandidateQuery): boolean {
  return query.sameSubtrees.every((suffixes) => {
    const providers = choices
      .filter(({ suffix }) => suffixes.includes(suffix))
      .flatMap(({ taken }) => [...taken.keys()])
    const lines = providers.map((provider) => ancestorsOf(world, provider))
    return providers.some((top) => lines.every((line) => line.has(top.id)))
  })
}

/** The ids of a provider and all above it. */
function ancestorsOf(world: World, provider: WorldProvider): ReadonlySet<number> {
  const ids = new Set<number>()
  for (let at: WorldProvider | undefined = provider; at && !ids.has(at.id); ) {
    ids.add(at.id)
    at = at.parentId === null ? undefined : world.get(at.parentId)
  }
  return ids
}

function identityOf({ taken, mappings }: FoundCandidate): string {
  const amounts = [...taken].flatMap(([provider, resources]) =>
    [...resources].map(([resourceClass, amount]) => `${provider.id} ${resourceClass} ${amount}`),
  )
  const met = [...mappings].map(
    ([suffix, providers]) =>
      `${suffix}=${providers
        .map(({ id }) => id)
        .sort((a, b) => a - b)
        .join()}`,
  )
  return `${amounts.sort().join('|')}#${met.sort().join('|')}`
}
