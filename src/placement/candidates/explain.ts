/**
 * Why a query has no answer: it is asked again, from nothing on, with one constraint more each time, until
 * nothing is left. Dear, and only done when somebody wants to know.
 */
import { NONE } from '../engine/columns.ts'
import type { World } from '../engine/world.ts'
import { planOf } from './plan.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'
import { countTrees } from './search.ts'

/** A constraint, and in how many trees all those up to it can be met. */
export interface Step {
  /** Undefined of what holds for the whole query. */
  readonly group: string | undefined
  /** As it stands in the query: `resources1=VCPU:4`. */
  readonly constraint: string
  readonly trees: number
}

export interface LastStep extends Step {
  /** In how many trees those before it can be met. */
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

/** Steps for counting what all constraints leave. */
const STEPS = 1_500_000
/** So many constraints are looked at one by one; what a query has beyond them, together. */
const MOST_APART = 60

interface Constraint {
  readonly group: string | undefined
  readonly text: string
  /** What the trees left over do not do: "… but none of them" …. */
  readonly lacking: string
  /** The query so far, with it. */
  readonly add: (query: CandidateQuery) => CandidateQuery
}

export function explain(world: World, query: CandidateQuery): Explanation {
  let asked: CandidateQuery = {
    ...query,
    groups: new Map(),
    groupPolicy: 'none',
    rootRequiredTraits: [],
    rootForbiddenTraits: [],
    sameSubtrees: [],
  }
  const steps: Step[] = []
  const budget = { steps: STEPS }
  const all = world.roots.size
  let before = all
  for (const { group, text, lacking, add } of fewer(query, [...constraintsOf(world, query)])) {
    asked = add(asked)
    const trees = countTrees(world, planOf(world, asked), budget)
    const step = { group, constraint: text, trees }
    steps.push(step)
    if (trees === 0 && budget.steps > 0)
      return {
        trees: all,
        steps,
        emptiedBy: { ...step, treesBefore: before, lacking },
        sentence: sentenceOf(before, steps.length, lacking),
      }
    before = trees
  }
  const sentence = budget.steps > 0 ? 'there are candidates' : 'the search was given up before it found any'
  return { trees: all, steps, emptiedBy: undefined, sentence }
}

function fewer(query: CandidateQuery, all: readonly Constraint[]): readonly Constraint[] {
  const rest = all.length > MOST_APART ? [wide('all the rest', 'meets all the rest', () => query)] : []
  return [...all.slice(0, MOST_APART), ...rest]
}

function sentenceOf(before: number, steps: number, lacking: string): string {
  const trees = before === 1 ? '1 provider tree' : `${before} provider trees`
  if (before === 0) return 'there are no resource providers'
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
    yield wide(`root_required=${trait}`, `has a root with the trait ${trait}`, (asked) => ({
      ...asked,
      rootRequiredTraits: [...asked.rootRequiredTraits, trait],
    }))
  for (const trait of forbidden)
    yield wide(`root_required=!${trait}`, `has a root without the trait ${trait}`, (asked) => ({
      ...asked,
      rootForbiddenTraits: [...asked.rootForbiddenTraits, trait],
    }))
  for (const [suffix, group] of groups)
    if (group.resources.size === 0) {
      yield inGroup(suffix, 'required', 'any', `has a provider for group ${suffix}`, (own) => own)
      yield* conditionsOf(suffix, group)
    }
  for (const subtree of query.sameSubtrees)
    yield wide(
      `same_subtree=${subtree.join()}`,
      `has groups ${subtree.join(', ')} in one subtree`,
      (asked) => ({
        ...asked,
        sameSubtrees: [...asked.sameSubtrees, subtree],
      }),
    )
  if (query.groupPolicy === 'isolate')
    yield wide('group_policy=isolate', 'has a provider for each group alone', (asked) => ({
      ...asked,
      groupPolicy: 'isolate',
    }))
}

const wide = (text: string, lacking: string, add: Constraint['add']): Constraint => ({
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
  lacking: string,
  change: (group: RequestGroup) => RequestGroup,
): Constraint {
  const add = (asked: CandidateQuery): CandidateQuery => ({
    ...asked,
    groups: new Map([...asked.groups, [suffix, change(asked.groups.get(suffix) ?? EMPTY)]]),
  })
  return { group: suffix, text: `${key}${suffix}=${value}`, lacking, add }
}

function roomFor(world: World, suffix: string, resourceClass: string, amount: number): Constraint {
  const lacking = `has room for ${amount} ${resourceClass}${mostFree(world, resourceClass)}`
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
    yield inGroup(suffix, 'in_tree', inTree, `is that of provider ${inTree}`, (own) => ({ ...own, inTree }))
  for (const anyOf of memberOf)
    yield inGroup(suffix, 'member_of', valueOf(anyOf), `is in ${oneOf('aggregate', anyOf)}`, (own) => ({
      ...own,
      memberOf: [...own.memberOf, anyOf],
    }))
  if (forbiddenAggregates.length > 0) {
    const lacking = `is outside of ${forbiddenAggregates.join(', ')}`
    yield inGroup(suffix, 'member_of', `!${valueOf(forbiddenAggregates)}`, lacking, (own) => ({
      ...own,
      forbiddenAggregates,
    }))
  }
  for (const anyOf of requiredTraits)
    yield inGroup(suffix, 'required', valueOf(anyOf), `has ${oneOf('trait', anyOf)}`, (own) => ({
      ...own,
      requiredTraits: [...own.requiredTraits, anyOf],
    }))
  for (const trait of forbiddenTraits)
    yield inGroup(suffix, 'required', `!${trait}`, `is without the trait ${trait}`, (own) => ({
      ...own,
      forbiddenTraits: [...own.forbiddenTraits, trait],
    }))
}

const valueOf = (anyOf: readonly string[]): string =>
  anyOf.length === 1 ? anyOf.join() : `in:${anyOf.join()}`

const oneOf = (noun: string, names: readonly string[]): string =>
  names.length === 1 ? `the ${noun} ${names.join()}` : `one of the ${noun}s ${names.join(', ')}`
