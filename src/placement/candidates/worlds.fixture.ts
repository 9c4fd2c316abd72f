/** Small random worlds, and queries in every grammar there is. */
import * as fc from 'fast-check'
import { SHARES_VIA_AGGREGATE } from '../standard.ts'
import { World } from '../engine/world.ts'
import type { NaiveProvider } from './naive.fixture.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'

const CLASSES = ['VCPU', 'DISK_GB', 'CUSTOM_C'] as const
const TRAITS = ['A', 'B', 'C'] as const
const AGGREGATES = ['agg1', 'agg2', 'agg3'] as const
const MOST_PROVIDERS = 7
const SUFFIXES = ['1', '2', '_PORT', '_x-3'] as const

/** Mostly nothing: a query with every condition at once is met by nobody. */
const seldom = <T>(arbitrary: fc.Arbitrary<readonly T[]>) =>
  fc.oneof({ weight: 10, arbitrary: fc.constant<readonly T[]>([]) }, { weight: 1, arbitrary })
const half = <T>(arbitrary: fc.Arbitrary<readonly T[]>) => fc.oneof(fc.constant<readonly T[]>([]), arbitrary)
const some = <T>(items: readonly T[]) => fc.subarray([...items])
const anyOfs = (items: readonly string[]) =>
  fc.array(fc.subarray([...items], { minLength: 1 }), { maxLength: 2 })

const room = fc.record({
  capacity: fc.integer({ min: 2, max: 12 }),
  used: fc.constantFrom(0, 0, 1, 3),
  minUnit: fc.constantFrom(1, 1, 1, 1, 1, 2),
  maxUnit: fc.constantFrom(8, 8, 8, 3),
  stepSize: fc.constantFrom(1, 1, 1, 1, 1, 2),
})
const maybe = fc.option(room, { freq: 9, nil: undefined })

const provider = fc.record({
  /** Which of those before it is its parent; none of them makes it a root. */
  parent: fc.nat(9),
  rooms: fc.record({ VCPU: maybe, DISK_GB: maybe, CUSTOM_C: fc.option(room, { freq: 2, nil: undefined }) }),
  traits: some(TRAITS),
  shares: fc.constantFrom(false, false, false, true),
  aggregates: some(AGGREGATES),
})

export const worlds: fc.Arbitrary<NaiveProvider[]> = fc
  .array(provider, { minLength: 1, maxLength: MOST_PROVIDERS, size: 'max' })
  .map((specs) => {
    const made: NaiveProvider[] = []
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
        traits: new Set([...spec.traits, ...(spec.shares ? [SHARES_VIA_AGGREGATE] : [])]),
        aggregates: new Set(spec.aggregates),
      })
    }
    return made
  })

/** The same providers as the engine keeps them. */
export function worldOf(providers: readonly NaiveProvider[]): World {
  const world = new World()
  const records = providers.map(({ rooms, traits, aggregates, ...rest }) => ({
    ...rest,
    rooms: [...rooms].map(([resourceClass, each]) => ({ resourceClass, ...each })),
    traits: [...traits].sort().join(),
    aggregates: [...aggregates].sort().join(),
  }))
  if (!world.apply(records, [])) throw new Error('the providers do not fit together')
  return world
}

const conditions = {
  requiredTraits: seldom(anyOfs(TRAITS)),
  forbiddenTraits: seldom(some(TRAITS)),
  memberOf: seldom(anyOfs(AGGREGATES)),
  forbiddenAggregates: seldom(some(AGGREGATES)),
  inTree: fc.constantFrom(...Array<null>(30).fill(null), 'p1', 'p2', 'p9'),
}

const group = fc
  .record({
    resources: fc.dictionary(fc.constantFrom(...CLASSES), fc.constantFrom(1, 1, 2, 3), {
      minKeys: 1,
      maxKeys: 2,
    }),
    ...conditions,
  })
  .map(({ resources, ...rest }): RequestGroup => ({ resources: new Map(Object.entries(resources)), ...rest }))

const resourceless = fc.record(conditions).map((rest): RequestGroup => ({ resources: new Map(), ...rest }))

const LIMITS = [...Array<undefined>(3).fill(undefined), 1, 2, 5, 1_000]

export const queries: fc.Arbitrary<CandidateQuery> = fc
  .record({
    free: fc.option(group),
    suffixed: fc.array(group, { maxLength: 3 }),
    empty: fc.option(resourceless, { freq: 1 }),
    subtrees: half(fc.array(fc.subarray([...SUFFIXES], { minLength: 1, maxLength: 3 }), { maxLength: 2 })),
    groupPolicy: fc.constantFrom('none' as const, 'isolate' as const),
    rootRequiredTraits: seldom(some(TRAITS)),
    rootForbiddenTraits: seldom(some(TRAITS)),
    limit: fc.constantFrom(...LIMITS),
    nested: fc.constantFrom(true, true, true, false),
  })
  .filter(({ free, suffixed }) => free !== null || suffixed.length > 0)
  .map(({ free, suffixed, empty, subtrees, ...rest }): CandidateQuery => {
    const groups = new Map(suffixed.map((each, index) => [SUFFIXES[index] ?? '', each]))
    // The group without suffix comes first, between, or last.
    if (free) groups.set('', free)
    if (empty) groups.set('_E', empty)
    const sameSubtrees: string[][] = subtrees
      .map((suffixes) => suffixes.filter((suffix) => groups.has(suffix)))
      .filter((suffixes) => suffixes.length > 0)
    if (empty) sameSubtrees.push(['_E', ...(suffixed.length > 0 ? ['1'] : [])])
    return { groups, sameSubtrees, ...rest }
  })
