/** The search against one that tries everything, in small random worlds. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { CandidateQuery, RequestGroup } from './query.ts'
import { type FoundCandidate, search } from './search.ts'
import type { World, WorldProvider } from './world.ts'

const SHARES = 'MISC_SHARES_VIA_AGGREGATE'
const CLASSES = ['VCPU', 'DISK_GB'] as const
const TRAITS = ['A', 'B', SHARES] as const
const AGGREGATES = ['agg1', 'agg2'] as const

/** One thing to be put somewhere: an amount of a class for a group, or a group that wants nothing. */
interface Item {
  readonly suffix: string
  readonly group: RequestGroup
  readonly resourceClass: string | undefined
  readonly amount: number
}

const itemsOf = (query: CandidateQuery): Item[] =>
  [...query.groups].flatMap(([suffix, group]): Item[] =>
    group.resources.size === 0
      ? [{ suffix, group, resourceClass: undefined, amount: 0 }]
      : [...group.resources].map(([resourceClass, amount]) => ({ suffix, group, resourceClass, amount })),
  )

/** Every candidate, by trying every provider for every thing, under every root. */
function everything(world: World, query: CandidateQuery): Set<string> {
  const items = itemsOf(query)
  const found = new Set<string>()
  for (const root of world.values()) {
    if (root.rootId !== root.id) continue
    for (const chosen of assignments([...world.values()], items.length)) {
      const pairs = items.map((item, index) => ({ item, provider: chosen[index] as WorldProvider }))
      if (isCandidate(world, query, root, pairs)) found.add(nameOf(pairs))
    }
  }
  return found
}

type Pair = { readonly item: Item; readonly provider: WorldProvider }

function* assignments<T>(options: readonly T[], length: number): Generator<T[]> {
  if (length === 0) yield []
  else
    for (const rest of assignments(options, length - 1)) for (const option of options) yield [...rest, option]
}

const meets = (aggregates: ReadonlySet<string>, memberOf: readonly (readonly string[])[]) =>
  memberOf.every((anyOf) => anyOf.some((each) => aggregates.has(each)))

function isCandidate(
  world: World,
  query: CandidateQuery,
  root: WorldProvider,
  pairs: readonly Pair[],
): boolean {
  const providers = [...world.values()]
  const tree = providers.filter((each) => each.rootId === root.id)
  const near = new Set(tree.flatMap((each) => [...each.aggregates]))
  const shares = (each: WorldProvider) =>
    each.traits.has(SHARES) && [...each.aggregates].some((one) => near.has(one))
  if (!query.rootRequiredTraits.every((trait) => root.traits.has(trait))) return false
  if (query.rootForbiddenTraits.some((trait) => root.traits.has(trait))) return false
  for (const { item, provider } of pairs) {
    const own = provider.rootId === root.id
    if (!own && !shares(provider)) return false
    const { group } = item
    if (group.inTree !== null) {
      const tree = providers.find((each) => each.uuid === group.inTree)
      if (tree === undefined || provider.rootId !== tree.rootId) return false
      if (item.suffix === '' && root.id !== tree.rootId) return false
    }
    if (group.forbiddenTraits.some((trait) => provider.traits.has(trait))) return false
    if (group.forbiddenAggregates.some((each) => provider.aggregates.has(each))) return false
    if (item.suffix === '' && group.forbiddenAggregates.some((each) => root.aggregates.has(each)))
      return false
    const spans = item.suffix === '' && own && meets(root.aggregates, group.memberOf)
    if (!spans && !meets(provider.aggregates, group.memberOf)) return false
    if (item.resourceClass !== undefined) {
      const room = provider.rooms.get(item.resourceClass)
      if (!room || item.amount < room.minUnit || item.amount % room.stepSize !== 0) return false
    }
  }
  return groupsHold(world, query, pairs) && sumsFit(pairs) && (query.nested || oneATree(pairs))
}

function groupsHold(world: World, query: CandidateQuery, pairs: readonly Pair[]): boolean {
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
  const isAbove = (top: WorldProvider, low: WorldProvider | undefined): boolean =>
    low !== undefined && (low === top || (low.parentId !== null && isAbove(top, world.get(low.parentId))))
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
  return JSON.stringify([[...amounts].map(([key, amount]) => `${key} ${amount}`).sort(), [...met].sort()])
}

function foundName({ taken, mappings }: FoundCandidate): string {
  const amounts = [...taken].flatMap(([provider, resources]) =>
    [...resources].map(([name, amount]) => `${provider.uuid} ${name} ${amount}`),
  )
  const met = [...mappings].flatMap(([suffix, providers]) =>
    providers.map((each) => `${suffix}=${each.uuid}`),
  )
  return JSON.stringify([amounts.sort(), met.sort()])
}

/** Mostly nothing: a query with every condition at once is met by nobody. */
const seldom = <T>(arbitrary: fc.Arbitrary<readonly T[]>) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant<readonly T[]>([]) }, { weight: 1, arbitrary })
const some = <T>(items: readonly T[]) => fc.subarray([...items])
const anyOfs = (items: readonly string[]) =>
  fc.array(fc.subarray([...items], { minLength: 1 }), { maxLength: 2 })

const room = fc.record({
  capacity: fc.integer({ min: 2, max: 12 }),
  used: fc.constantFrom(0, 0, 1, 3),
  minUnit: fc.constantFrom(1, 1, 1, 2),
  maxUnit: fc.constantFrom(8, 8, 8, 3),
  stepSize: fc.constantFrom(1, 1, 1, 2),
})

const provider = fc.record({
  /** Which of those before it is its parent; none of them makes it a root. */
  parent: fc.nat(6),
  rooms: fc.record({
    VCPU: fc.option(room, { freq: 4, nil: undefined }),
    DISK_GB: fc.option(room, { freq: 4, nil: undefined }),
  }),
  traits: some(TRAITS),
  aggregates: some(AGGREGATES),
})

const world = fc.array(provider, { minLength: 1, maxLength: 4 }).map((specs): World => {
  const made: WorldProvider[] = []
  for (const [index, spec] of specs.entries()) {
    const parent = made[spec.parent]
    made.push({
      id: index + 1,
      uuid: `p${index + 1}`,
      parentId: parent?.id ?? null,
      rootId: parent?.rootId ?? index + 1,
      rooms: new Map(
        Object.entries(spec.rooms).flatMap(([name, each]) => (each ? [[name, each] as const] : [])),
      ),
      traits: new Set(spec.traits),
      aggregates: new Set(spec.aggregates),
    })
  }
  return new Map(made.map((each) => [each.id, each]))
})

const group = fc
  .record({
    resources: fc.dictionary(fc.constantFrom(...CLASSES), fc.integer({ min: 1, max: 3 }), { minKeys: 1 }),
    required: seldom(anyOfs(['A', 'B'])),
    forbiddenTraits: seldom(some(['A', 'B'])),
    memberOf: seldom(anyOfs(AGGREGATES)),
    forbiddenAggregates: seldom(some(AGGREGATES)),
    inTree: fc.constantFrom(...Array<null>(12).fill(null), 'p1', 'p2', 'p9'),
  })
  .map(
    ({ resources, required, ...rest }): RequestGroup => ({
      resources: new Map(Object.entries(resources)),
      requiredTraits: required,
      ...rest,
    }),
  )

const query = fc
  .record({
    free: fc.option(group),
    numbered: fc.array(group, { maxLength: 2 }),
    emptyGroup: fc.option(fc.record({ required: seldom(anyOfs(['A', 'B'])) }), { freq: 2 }),
    groupPolicy: fc.constantFrom('none' as const, 'isolate' as const),
    rootRequiredTraits: seldom(some(['A'])),
    rootForbiddenTraits: seldom(some(['B'])),
    subtree: fc.boolean(),
    nested: fc.boolean(),
  })
  .filter(({ free, numbered }) => free !== null || numbered.length > 0)
  .map(({ free, numbered, emptyGroup, subtree, ...rest }): CandidateQuery => {
    const groups = new Map<string, RequestGroup>(numbered.map((each, index) => [`${index + 1}`, each]))
    if (free) groups.set('', free)
    const named = subtree ? [...groups.keys()].filter((suffix) => suffix !== '') : []
    if (emptyGroup && named.length > 0) {
      groups.set('_E', {
        resources: new Map(),
        requiredTraits: emptyGroup.required,
        forbiddenTraits: [],
        memberOf: [],
        forbiddenAggregates: [],
        inTree: null,
      })
      named.push('_E')
    }
    return { groups, sameSubtrees: named.length > 0 ? [named] : [], limit: undefined, ...rest }
  })

suite('the search for candidates', () => {
  test('finds what trying everything finds, each once', () => {
    let found = 0
    fc.assert(
      fc.property(world, query, (theWorld, theQuery) => {
        const ours = [...search(theWorld, theQuery)].map(foundName)
        found += ours.length
        assert.deepEqual(ours.toSorted(), [...everything(theWorld, theQuery)].sort())
      }),
      { numRuns: 3_000 },
    )
    assert.ok(
      found > 1_000,
      `only ${found} candidates were found in all: the worlds are too poor to prove anything`,
    )
  })

  test('does no more work than is asked for', () => {
    const rooms = new Map([['VCPU', { capacity: 100, used: 0, minUnit: 1, maxUnit: 100, stepSize: 1 }]])
    const wide: World = new Map(
      Array.from({ length: 12 }, (_, index) => [
        index,
        {
          id: index,
          uuid: `p${index}`,
          parentId: index === 0 ? null : 0,
          rootId: 0,
          rooms,
          traits: new Set<string>(),
          aggregates: new Set<string>(),
        },
      ]),
    )
    const one: RequestGroup = {
      resources: new Map([['VCPU', 1]]),
      requiredTraits: [],
      forbiddenTraits: [],
      memberOf: [],
      forbiddenAggregates: [],
      inTree: null,
    }
    // 12 to the power of 8 candidates in all.
    const groups = new Map(Array.from({ length: 8 }, (_, index) => [`${index}`, one]))
    const found = search(wide, {
      groups,
      groupPolicy: 'none',
      rootRequiredTraits: [],
      rootForbiddenTraits: [],
      sameSubtrees: [],
      limit: 10,
      nested: true,
    })
    for (let count = 0; count < 10; count++) assert.equal(found.next().done, false)
  })
})
