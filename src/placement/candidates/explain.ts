/**
 * Why a query has no answer: it is asked again, from nothing on, with one constraint more each time, until
 * nothing is left. Dear, and only done when somebody wants to know.
 */
import { NONE } from '../engine/columns.ts'
import type { World } from '../engine/world.ts'
import { planOf } from './plan.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'
import { type Count, countTrees } from './search.ts'
import type { Budget } from './tree-search.ts'

/** A constraint, and in how many trees all those up to it can be met. */
export interface Step extends Count {
  /** Undefined of what holds for the whole query. */
  readonly group: string | undefined
  /** As it stands in the query: `resources1=VCPU:4`. */
  readonly constraint: string
}

export interface LastStep extends Step {
  /** In how many trees those before it can be met; at least, when there was no time to count them all. */
  readonly treesBefore: number
  /** What none of them does: `has the trait CUSTOM_GPU`. */
  readonly lacking: string
}

export interface Explanation {
  /** All trees there are. */
  readonly trees: number
  /** Up to the one that left nothing. */
  readonly steps: readonly Step[]
  /** Undefined: there are candidates. */
  readonly emptiedBy: LastStep | undefined
  /** For a person. */
  readonly sentence: string
}

/** Steps for finding what leaves nothing, and then for counting what was left before. */
const FINDING_STEPS = 2_000_000
const COUNTING_STEPS = 1_000_000
/** A plan costs a step for so many providers, as a power of two. */
const PLANNED_SHIFT = 3
/** So many constraints are looked at one by one; what a query has beyond them, together. */
const MOST_APART = 60

interface Constraint {
  readonly group: string | undefined
  readonly text: string
  /** What the trees left over do not do: "… but none of them" …. */
  readonly lacking: () => string
  /** The query so far, with it. */
  readonly add: (query: CandidateQuery) => CandidateQuery
}

export function explain(world: World, query: CandidateQuery): Explanation {
  const asked = growing(query, fewer(query, [...constraintsOf(world, query)]))
  const finding = { steps: FINDING_STEPS }
  const counts = asked.map(() => UNCOUNTED)
  let at = 0
  for (; at < asked.length; at++) {
    const count = countIn(world, asked[at]?.query, finding, 1)
    counts[at] = count
    if (count.trees === 0) break
  }
  const end = asked[at]
  const isFound = end !== undefined && counts[at]?.isWhole === true
  // The nearest first: it says most of the one after it.
  const counting = { steps: COUNTING_STEPS }
  for (let before = Math.min(at, asked.length) - 1; before >= 0; before--)
    counts[before] = countIn(world, asked[before]?.query, counting)
  const trees = world.roots.size
  const steps = asked.slice(0, at + 1).map(({ constraint: { group, text } }, index) => ({
    group,
    constraint: text,
    ...(counts[index] ?? UNCOUNTED),
  }))
  const last = steps.at(-1)
  if (!isFound || !last) {
    const sentence = end ? 'the search was given up before it found any' : 'there are candidates'
    return { trees, steps, emptiedBy: undefined, sentence }
  }
  const before = at === 0 ? { trees, isWhole: true } : (counts[at - 1] ?? UNCOUNTED)
  const lacking = end.constraint.lacking()
  return {
    trees,
    steps,
    emptiedBy: { ...last, treesBefore: before.trees, lacking },
    sentence: sentenceOf(before, steps.length, lacking),
  }
}

const UNCOUNTED: Count = { trees: 0, isWhole: false }

/** At least one, where there is one and no time to count the others. */
function countIn(world: World, query: CandidateQuery | undefined, budget: Budget, most?: number): Count {
  if (!query || budget.steps <= 0) return most === undefined ? { trees: 1, isWhole: false } : UNCOUNTED
  budget.steps -= world.slots >>> PLANNED_SHIFT
  const { trees, isWhole } = countTrees(world, planOf(world, query), budget, most)
  return { trees: most === undefined ? Math.max(trees, 1) : trees, isWhole }
}

interface Asked {
  readonly constraint: Constraint
  /** With all constraints up to this one. */
  readonly query: CandidateQuery
}

/** The query from nothing on, with one constraint more each time. */
function growing(query: CandidateQuery, constraints: readonly Constraint[]): Asked[] {
  let asked: CandidateQuery = {
    ...query,
    groups: new Map(),
    groupPolicy: 'none',
    rootRequiredTraits: [],
    rootForbiddenTraits: [],
    sameSubtrees: [],
  }
  return constraints.map((constraint) => {
    asked = constraint.add(asked)
    return { constraint, query: asked }
  })
}

function fewer(query: CandidateQuery, all: readonly Constraint[]): readonly Constraint[] {
  const rest =
    all.length > MOST_APART
      ? [
          wide(
            'all the rest',
            () => 'meets all the rest',
            () => query,
          ),
        ]
      : []
  return [...all.slice(0, MOST_APART), ...rest]
}

function sentenceOf(before: Count, steps: number, lacking: string): string {
  const count = `${before.isWhole ? '' : 'at least '}${before.trees}`
  const trees = before.trees === 1 ? `${count} provider tree` : `${count} provider trees`
  if (before.trees === 0) return 'there are no resource providers'
  return steps === 1
    ? `none of ${trees} ${lacking}`
    : `${trees} could meet the rest, but none of them ${lacking}`
}

/** In the order in which a person would look: room, place, kind, and how it all fits together. */
function* constraintsOf(world: World, query: CandidateQuery): Generator<Constraint> {
  const groups = [...query.groups]
  for (const [suffix, group] of groups)
    for (const [resourceClass, amount] of group.resources) yield roomFor(world, suffix, resourceClass, amount)
  const withRoom = groups.filter(([, { resources }]) => resources.size > 0)
  for (const [suffix, group] of withRoom) yield* conditionsOf(suffix, group)
  const { rootRequiredTraits: required, rootForbiddenTraits: forbidden } = query
  for (const trait of required)
    yield wide(
      `root_required=${trait}`,
      () => `has a root with the trait ${trait}`,
      (asked) => ({
        ...asked,
        rootRequiredTraits: [...asked.rootRequiredTraits, trait],
      }),
    )
  for (const trait of forbidden)
    yield wide(
      `root_required=!${trait}`,
      () => `has a root without the trait ${trait}`,
      (asked) => ({
        ...asked,
        rootForbiddenTraits: [...asked.rootForbiddenTraits, trait],
      }),
    )
  for (const [suffix, group] of groups)
    if (group.resources.size === 0) {
      yield inGroup(
        suffix,
        'required',
        'any',
        () => `has a provider for group ${suffix}`,
        (own) => own,
      )
      yield* conditionsOf(suffix, group)
    }
  for (const subtree of query.sameSubtrees)
    yield wide(
      `same_subtree=${subtree.join()}`,
      () => `has groups ${subtree.join(', ')} in one subtree`,
      (asked) => ({
        ...asked,
        sameSubtrees: [...asked.sameSubtrees, subtree],
      }),
    )
  if (query.groupPolicy === 'isolate')
    yield wide(
      'group_policy=isolate',
      () => 'has a provider for each group alone',
      (asked) => ({
        ...asked,
        groupPolicy: 'isolate',
      }),
    )
}

const wide = (text: string, lacking: () => string, add: Constraint['add']): Constraint => ({
  group: undefined,
  text,
  lacking,
  add,
})

const EMPTY: RequestGroup = {
  resources: new Map(),
  requiredTraits: [],
  forbiddenTraits: [],
  memberOf: [],
  forbiddenAggregates: [],
  inTree: null,
}

/** A constraint of one group. */
function inGroup(
  suffix: string,
  key: string,
  value: string,
  lacking: () => string,
  change: (group: RequestGroup) => RequestGroup,
): Constraint {
  const add = (asked: CandidateQuery): CandidateQuery => ({
    ...asked,
    groups: new Map([...asked.groups, [suffix, change(asked.groups.get(suffix) ?? EMPTY)]]),
  })
  return { group: suffix, text: `${key}${suffix}=${value}`, lacking, add }
}

function roomFor(world: World, suffix: string, resourceClass: string, amount: number): Constraint {
  const lacking = () => `has room for ${amount} ${resourceClass}${mostFree(world, resourceClass)}`
  return inGroup(suffix, 'resources', `${resourceClass}:${amount}`, lacking, (group) => ({
    ...group,
    resources: new Map([...group.resources, [resourceClass, amount]]),
  }))
}

/** The largest room that any provider has. */
function mostFree(world: World, resourceClass: string): string {
  const classIndex = world.classIndex(resourceClass)
  const { rooms } = world
  let best = NONE
  const free = (row: number): number => Math.min(rooms.capacity(row) - rooms.used(row), rooms.maxUnit(row))
  for (const slot of world.holdersOf(resourceClass)) {
    const row = world.roomOf(slot, classIndex)
    if (best === NONE || free(row) > free(best)) best = row
  }
  if (best === NONE) return ' (no provider has any)'
  const { capacity, used } = rooms.show(best)
  return ` (the largest has ${capacity - used} of ${capacity} free, and gives at most ${rooms.maxUnit(best)} at once)`
}

function* conditionsOf(suffix: string, group: RequestGroup): Generator<Constraint> {
  const { inTree, memberOf, forbiddenAggregates, requiredTraits, forbiddenTraits } = group
  if (inTree !== null)
    yield inGroup(
      suffix,
      'in_tree',
      inTree,
      () => `is that of provider ${inTree}`,
      (own) => ({ ...own, inTree }),
    )
  for (const anyOf of memberOf)
    yield inGroup(
      suffix,
      'member_of',
      valueOf(anyOf),
      () => `is in ${oneOf('aggregate', anyOf)}`,
      (own) => ({
        ...own,
        memberOf: [...own.memberOf, anyOf],
      }),
    )
  if (forbiddenAggregates.length > 0) {
    const lacking = () => `is outside of ${forbiddenAggregates.join(', ')}`
    yield inGroup(suffix, 'member_of', `!${valueOf(forbiddenAggregates)}`, lacking, (own) => ({
      ...own,
      forbiddenAggregates,
    }))
  }
  for (const anyOf of requiredTraits)
    yield inGroup(
      suffix,
      'required',
      valueOf(anyOf),
      () => `has ${oneOf('trait', anyOf)}`,
      (own) => ({
        ...own,
        requiredTraits: [...own.requiredTraits, anyOf],
      }),
    )
  for (const trait of forbiddenTraits)
    yield inGroup(
      suffix,
      'required',
      `!${trait}`,
      () => `is without the trait ${trait}`,
      (own) => ({
        ...own,
        forbiddenTraits: [...own.forbiddenTraits, trait],
      }),
    )
}

const valueOf = (anyOf: readonly string[]): string =>
  anyOf.length === 1 ? anyOf.join() : `in:${anyOf.join()}`

const oneOf = (noun: string, names: readonly string[]): string =>
  names.length === 1 ? `the ${noun} ${names.join()}` : `one of the ${noun}s ${names.join(', ')}`
