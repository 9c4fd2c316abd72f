/**
 * The search for candidates over all trees, breadth first: one from each tree before the second of any,
 * so that a limit is met by many hosts and not by many ways of one. It does the work for what is taken of
 * it and no more, and ends when its budget of steps is spent, however large the product of groups is.
 */
import { slotsIn } from '../engine/words.ts'
import type { World } from '../engine/world.ts'
import { Options } from './options.ts'
import type { Plan } from './plan.ts'
import { type Budget, type Found, TreeSearch, type Way } from './tree-search.ts'

export type { Way } from './tree-search.ts'

/** Steps that one tree gets before it is the others' turn. */
const TURN = 2_000

/** All ways, each once, until the budget is spent: then `budget.steps` is not above zero. */
export function* search(
  world: World,
  plan: Plan,
  budget: Budget,
  order: (roots: Iterable<number>) => Iterable<number> = (roots) => roots,
): Generator<Way> {
  const options = new Options(world, plan)
  const seen = new Set<string>()
  let unfinished: TreeSearch[] = []
  const step = (tree: TreeSearch, turn: number): Way | undefined => {
    const way = tree.next(budget, turn)
    if (way !== undefined) unfinished.push(tree)
    return way === 'later' || way === undefined || isRepeated(world, way, seen) ? undefined : way
  }
  const firstOf = (root: number): Way | undefined => {
    if (options.isAlone(root)) return options.alone(root, budget)
    const found = options.under(root, budget)
    return found && step(new TreeSearch(world, plan, found, budget), TURN)
  }
  for (const root of order(slotsIn(plan.anchors))) {
    if (budget.steps <= 0) return
    budget.steps--
    const way = firstOf(root)
    if (way) yield way
  }
  for (let turn = TURN; unfinished.length > 0; turn *= 2) {
    const trees = unfinished
    unfinished = []
    for (const tree of trees) {
      if (budget.steps <= 0) return
      const way = step(tree, turn)
      if (way) yield way
    }
  }
}

export interface Count {
  readonly trees: number
  /** Every root was looked at to its end. */
  readonly isWhole: boolean
}

/** Under how many roots there is a way at all; `most` are enough, and no more are looked at than the budget suffices for. */
export function countTrees(world: World, plan: Plan, budget: Budget, most = Infinity): Count {
  const options = new Options(world, plan)
  let trees = 0
  let isWhole = true
  const firstUnder = (root: number): Found => {
    if (options.isAlone(root)) return options.alone(root, budget)
    const found = options.under(root, budget)
    return found && new TreeSearch(world, plan, found, budget).next(budget, TURN)
  }
  for (const root of slotsIn(plan.anchors)) {
    if (trees === most || budget.steps-- <= 0) return { trees, isWhole: false }
    const way = firstUnder(root)
    if (way === 'later') isWhole = false
    else if (way !== undefined) trees++
  }
  return { trees, isWhole }
}

/** What is all shared can be found under several roots. */
function isRepeated(world: World, way: Way, seen: Set<string>): boolean {
  if (!way.every((slot) => world.sharing.has(slot))) return false
  const key = way.join()
  if (seen.has(key)) return true
  seen.add(key)
  return false
}

/** The roots in an order by chance, as far as they are taken. */
export function shuffled(random: () => number): (roots: Iterable<number>) => Generator<number> {
  return function* (roots) {
    const left = [...roots]
    for (let at = 0; at < left.length; at++) {
      const other = at + Math.floor(random() * (left.length - at))
      const root = left[other]
      left[other] = left[at] ?? 0
      if (root !== undefined) yield root
    }
  }
}
