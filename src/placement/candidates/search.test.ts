/**
 * The search against one that tries everything, in small random worlds. `KILONOVA_WORLDS=20000` tries so
 * many instead of a few.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { World } from '../engine/world.ts'
import { assemble, type Looks } from './assemble.ts'
import { Desk } from './desk.ts'
import { explain } from './explain.ts'
import { everything, nameBy, type NaiveProvider } from './naive.fixture.ts'
import { planOf } from './plan.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'
import { search, shuffled } from './search.ts'
import { queries, worldOf, worlds } from './worlds.fixture.ts'

const WORLDS = Number(process.env['KILONOVA_WORLDS'] ?? 3_000)

interface Told {
  readonly allocation_requests: readonly {
    readonly taken: readonly (readonly [uuid: string, amounts: readonly (readonly [string, number])[]])[]
    readonly mappings: readonly (readonly [suffix: string, uuids: readonly string[]])[]
  }[]
  readonly provider_summaries: Readonly<Record<string, unknown>>
}

const looks: Looks = {
  candidate: ({ taken, mappings }) => ({
    taken: [...taken].map(([uuid, amounts]) => [uuid, [...amounts]]),
    mappings: [...mappings],
  }),
  provider: ({ rooms, ...rest }) => ({ ...rest, rooms: Object.fromEntries(rooms) }),
  allOfTrees: true,
}

/** Used again and again, so that answers go to a paper that held a longer or a shorter one, and sets are found full of others. */
const desk = new Desk()

function nameOf({ taken, mappings }: Told['allocation_requests'][number]): string {
  const amounts = taken.flatMap(([uuid, resources]) =>
    resources.map(([name, amount]) => `${uuid} ${name} ${amount}`),
  )
  return nameBy(
    amounts,
    mappings.flatMap(([suffix, uuids]) => uuids.map((uuid) => `${suffix}=${uuid}`)),
  )
}

/** All providers of all trees that something is taken of, as they are. */
function summariesFor(
  providers: readonly NaiveProvider[],
  { allocation_requests }: Told,
): Told['provider_summaries'] {
  const uuidOf = (id: number | null) => providers.find((each) => each.id === id)?.uuid ?? null
  const taken = new Set(allocation_requests.flatMap((each) => each.taken.map(([uuid]) => uuid)))
  const roots = new Set(providers.filter(({ uuid }) => taken.has(uuid)).map(({ rootId }) => rootId))
  const shown = providers.filter(({ rootId }) => roots.has(rootId))
  return Object.fromEntries(
    shown.map(({ uuid, parentId, rootId, traits, rooms }) => [
      uuid,
      {
        parentUuid: uuidOf(parentId),
        rootUuid: uuidOf(rootId),
        traits: [...traits].sort(),
        rooms: Object.fromEntries([...rooms].map(([name, { capacity, used }]) => [name, { capacity, used }])),
      },
    ]),
  )
}

function first<T>(count: number, all: Iterable<T>): T[] {
  const some: T[] = []
  for (const each of all) if (some.push(each) >= count) break
  return some
}

function found(providers: readonly NaiveProvider[], query: CandidateQuery, random?: () => number): string[] {
  const world = worldOf(providers)
  const budget = { steps: 1_000_000 }
  const text = desk.withWords((wording) => {
    const plan = planOf(world, query, wording)
    const ways = first(query.limit ?? Infinity, search(world, plan, budget, random && shuffled(random)))
    return assemble({ world, plan, ways, looks, desk })
  })
  assert.ok(budget.steps > 0)
  const told: Told = JSON.parse(text.bytes().toString())
  desk.giveBack(text.paper)
  assert.deepEqual(told.provider_summaries, summariesFor(providers, told))
  return told.allocation_requests.map(nameOf)
}

/** Of the roots that candidates can be found under, each has its first before any has a second. */
function isBreadthFirst(names: readonly string[], all: ReadonlyMap<string, ReadonlySet<number>>): boolean {
  const roots = new Set([...all.values()].flatMap((each) => [...each]))
  const first = names.slice(0, roots.size).map((name) => [...(all.get(name) ?? [])])
  if (first.some((each) => each.length !== 1)) return true
  return new Set(first.flat()).size === first.length
}

suite('the search for candidates', () => {
  test(`finds what trying everything finds, each once, in ${WORLDS} worlds`, (context) => {
    let candidates = 0
    let met = 0
    const property = (providers: NaiveProvider[], query: CandidateQuery, seed: number) => {
      const all = everything(providers, query)
      const ours = found(providers, query, seed < 0.5 ? undefined : () => seed - 0.5)
      candidates += ours.length
      if (ours.length > 0) met++
      assert.equal(new Set(ours).size, ours.length)
      if (query.limit === undefined) assert.deepEqual(ours.toSorted(), [...all.keys()].sort())
      else {
        assert.ok(ours.every((name) => all.has(name)))
        assert.equal(ours.length, Math.min(query.limit, all.size))
      }
      assert.ok(isBreadthFirst(ours, all))
      const { steps, emptiedBy } = explain(worldOf(providers), query)
      assert.equal(emptiedBy === undefined, all.size > 0)
      if (emptiedBy)
        assert.deepEqual(
          steps.findIndex(({ trees }) => trees === 0),
          steps.length - 1,
        )
    }
    fc.assert(fc.property(worlds, queries, fc.double({ min: 0, max: 0.99, noNaN: true }), property), {
      numRuns: WORLDS,
    })
    context.diagnostic(`${met} of ${WORLDS} queries were met, by ${candidates} candidates`)
    assert.ok(met > WORLDS / 10, `only ${met} queries were met: that proves little`)
  })
  /** A root with children that have one of a class each. */
  const wideTree = (children: number, capacity = 1): World =>
    worldOf(
      Array.from({ length: children + 1 }, (_, index) => ({
        id: index + 1,
        uuid: `p${index}`,
        parentId: index === 0 ? null : 1,
        rootId: 1,
        rooms: new Map(
          index === 0 ? [] : [['VCPU', { capacity, used: 0, minUnit: 1, maxUnit: capacity, stepSize: 1 }]],
        ),
        traits: new Set<string>(),
        aggregates: new Set<string>(),
      })),
    )
  const asking = (groups: number, more: Partial<CandidateQuery> = {}, amount = 1): CandidateQuery => {
    const one: RequestGroup = {
      resources: new Map([['VCPU', amount]]),
      requiredTraits: [],
      forbiddenTraits: [],
      memberOf: [],
      forbiddenAggregates: [],
      inTree: null,
    }
    return {
      groups: new Map(Array.from({ length: groups }, (_, index) => [`${index + 1}`, one])),
      groupPolicy: 'none',
      rootRequiredTraits: [],
      rootForbiddenTraits: [],
      sameSubtrees: [],
      limit: undefined,
      nested: true,
      ...more,
    }
  }
  const stepsFor = (world: World, query: CandidateQuery, limit: number): number => {
    const budget = { steps: 100_000 }
    const ways = first(limit, search(world, planOf(world, query), budget))
    assert.equal(ways.length, limit)
    return 100_000 - budget.steps
  }

  test('does the work for what is taken of it, however many ways there are', () => {
    // Of twelve over, the number of ways is 12! = 479 million.
    assert.ok(stepsFor(wideTree(12), asking(12), 100) < 5_000)
    assert.ok(stepsFor(wideTree(200), asking(200, { groupPolicy: 'isolate' }), 10) < 50_000)
  })

  test('sees at once that there are more groups than providers, or more asked for than there is', () => {
    assert.ok(stepsFor(wideTree(12), asking(13), 0) < 200)
    assert.ok(stepsFor(wideTree(12), asking(13, { groupPolicy: 'isolate' }), 0) < 200)
  })

  test('gives up when its steps are spent', () => {
    // Each of thirty takes one of forty; by their sums alone all would fit.
    const world = wideTree(30, 5)
    const budget = { steps: 20_000 }
    assert.deepEqual([...search(world, planOf(world, asking(40, {}, 3)), budget)], [])
    assert.ok(budget.steps <= 0)
  })
})
