/**
 * The search under one root: a provider for each part, so that all of it holds together. It goes on
 * where it stopped, takes the parts with the fewest ways first, and gives up a branch as soon as it
 * cannot be finished. Each step is counted, so that whoever asks decides how long it may take. Most roots
 * have one way and are many: what only the others need is made when they need it.
 */
import { NONE } from '../engine/columns.ts'
import { hasBit, type Words } from '../engine/words.ts'
import type { World } from '../engine/world.ts'
import { type Part, type Plan, rankOf } from './plan.ts'

/** For each part of a plan the providers that may meet it, each by itself. */
export type Choices = readonly (readonly number[])[]

/** The provider (its slot) of each part of the plan, in their order. */
export type Way = readonly number[]

/** Steps left, shared by all who search for one query. */
export interface Budget {
  steps: number
}

/** 'later' when its turn was over first; undefined when there are no more. */
export type Found = Way | 'later' | undefined

/** What a look at a subtree costs, beside an option's one. */
const SUBTREE_STEPS = 4

export class TreeSearch {
  readonly #world: World
  readonly #plan: Plan
  /** The providers that may meet each part. */
  readonly #options: Choices
  /** The part that is met at each depth. */
  readonly #order: readonly number[]
  /** From each depth on: which of the traits asked for together the parts may still bring. */
  readonly #mayBring: Uint8Array
  /** For each depth the option that is taken there, by its place among the options. */
  readonly #at: number[]
  /** The provider of each part of the plan; NONE as long as it has none. */
  readonly #taken: number[]
  /** What is taken of an inventory, by its row. */
  #sums: Map<number, number> | undefined
  /** How many groups a provider meets; how many parts the one provider of a tree does, where there may be only one. */
  #groupsOf: Map<number, number> | undefined
  #ofTree: Map<number, { readonly provider: number; parts: number }> | undefined
  #optionSets: Map<number, ReadonlySet<number>> | undefined
  #depth = 0

  /** `options` are the providers that may meet each part of the plan, each by itself; none is empty. */
  constructor(world: World, plan: Plan, options: Choices, budget: Budget) {
    const { parts, subtrees, traitsTogether } = plan
    budget.steps -= parts.length * (1 + subtrees.length + traitsTogether.length)
    this.#world = world
    this.#plan = plan
    this.#options = options
    this.#order = orderOf(plan, options)
    this.#mayBring = bringableFrom(plan, this.#order, options)
    this.#at = parts.map(() => -1)
    this.#taken = parts.map(() => NONE)
  }

  /** The next way, looked for with about so many steps at most. */
  next(budget: Budget, turn: number): Found {
    const end = Math.max(0, budget.steps - turn)
    while (this.#depth >= 0) {
      if (budget.steps <= end) return 'later'
      budget.steps--
      if (this.#depth === this.#order.length) {
        this.#depth--
        return this.#taken.slice()
      }
      this.#depth += this.#advance(this.#depth, budget) ? 1 : -1
    }
    return undefined
  }

  /** Takes the next option that will do at a depth, in place of the one taken there. False when there is none. */
  #advance(depth: number, budget: Budget): boolean {
    const index = this.#order[depth] ?? NONE
    const part = this.#plan.parts[index]
    if (!part) return false
    const options = this.#options[index] ?? NOBODY
    this.#release(part, index)
    for (let at = (this.#at[depth] ?? -1) + 1; at < options.length; at++) {
      budget.steps--
      const slot = options[at] ?? NONE
      if (!this.#mayTake(part, slot)) continue
      this.#take(part, index, slot)
      if (this.#subtreesHold(index, budget) && this.#traitsMayHold(depth, budget)) {
        this.#at[depth] = at
        return true
      }
      this.#release(part, index)
    }
    this.#at[depth] = -1
    return false
  }

  #mayTake(part: Part, slot: number): boolean {
    const { isolated, nested } = this.#plan
    if (isolated && part.suffix !== '' && this.#groupsOf?.has(slot)) return false
    if (!nested && part.demands.length > 0) {
      const tree = this.#ofTree?.get(this.#world.trees.rootOf(slot))
      if (tree && tree.provider !== slot) return false
    }
    for (const { classIndex, amount, isAlone } of part.demands) {
      if (isAlone) continue
      const row = this.#world.roomOf(slot, classIndex)
      const sum = (this.#sums?.get(row) ?? 0) + amount
      const { rooms } = this.#world
      if (rooms.used(row) + sum > rooms.capacity(row) || sum > rooms.maxUnit(row)) return false
    }
    return true
  }

  #take(part: Part, index: number, slot: number): void {
    this.#taken[index] = slot
    this.#count(part, slot, 1)
  }

  #release(part: Part, index: number): void {
    const slot = this.#taken[index] ?? NONE
    if (slot === NONE) return
    this.#taken[index] = NONE
    this.#count(part, slot, -1)
  }

  #count(part: Part, slot: number, by: 1 | -1): void {
    if (this.#plan.isolated && part.suffix !== '') addTo((this.#groupsOf ??= new Map()), slot, by)
    if (!this.#plan.nested && part.demands.length > 0) this.#countInTree(slot, by)
    for (const { classIndex, amount, isAlone } of part.demands)
      if (!isAlone) addTo((this.#sums ??= new Map()), this.#world.roomOf(slot, classIndex), by * amount)
  }

  #countInTree(slot: number, by: 1 | -1): void {
    const root = this.#world.trees.rootOf(slot)
    const trees = (this.#ofTree ??= new Map())
    const tree = trees.get(root) ?? { provider: slot, parts: 0 }
    tree.parts += by
    if (tree.parts === 0) trees.delete(root)
    else trees.set(root, tree)
  }

  /** Whether one that is taken, or one that may still be, is above all that are taken of each subtree. */
  #subtreesHold(index: number, budget: Budget): boolean {
    const { subtrees } = this.#plan
    if (subtrees.length === 0) return true
    return subtrees.every((parts) => {
      if (!parts.includes(index)) return true
      const taken = parts.map((index) => this.#taken[index] ?? NONE).filter((slot) => slot !== NONE)
      const above = this.#aboveAll(taken, budget)
      budget.steps -= SUBTREE_STEPS + (above.length >>> 1)
      return above.some(
        (slot) =>
          taken.includes(slot) ||
          parts.some((index) => this.#taken[index] === NONE && this.#optionSet(index).has(slot)),
      )
    })
  }

  /** The providers that are above, or are, each of these. */
  #aboveAll(slots: readonly number[], budget: Budget): number[] {
    const [first, ...others] = slots.map((slot) => {
      const line: number[] = []
      for (let at = slot; at !== NONE; at = this.#world.trees.parentOf(at)) line.push(at)
      budget.steps -= line.length >>> 2
      return line
    })
    const sets = others.map((line) => new Set(line))
    return (first ?? []).filter((slot) => sets.every((set) => set.has(slot)))
  }

  #optionSet(index: number): ReadonlySet<number> {
    const sets = (this.#optionSets ??= new Map())
    const known = sets.get(index)
    if (known) return known
    const set = new Set(this.#options[index])
    sets.set(index, set)
    return set
  }

  #traitsMayHold(depth: number, budget: Budget): boolean {
    const { traitsTogether, parts } = this.#plan
    if (traitsTogether.length === 0) return true
    budget.steps -= traitsTogether.length
    return traitsTogether.every(
      (having, at) =>
        this.#mayBring[(depth + 1) * traitsTogether.length + at] === 1 ||
        parts.some((part, index) => part.suffix === '' && hasTaken(having, this.#taken[index] ?? NONE)),
    )
  }
}

const hasTaken = (words: Words, slot: number): boolean => slot !== NONE && hasBit(words, slot)

/** The parts with the fewest options first, of those that are the hardest to meet. */
function orderOf({ parts, order }: Plan, options: Choices): readonly number[] {
  const compare = (a: number, b: number): number =>
    rankOf(parts[a]) - rankOf(parts[b]) || (options[a]?.length ?? 0) - (options[b]?.length ?? 0)
  for (let at = 1; at < order.length; at++)
    if (compare(order[at - 1] ?? NONE, order[at] ?? NONE) > 0) return order.toSorted(compare)
  return order
}

function addTo(sums: Map<number, number>, key: number, amount: number): void {
  const sum = (sums.get(key) ?? 0) + amount
  if (sum === 0) sums.delete(key)
  else sums.set(key, sum)
}

/** Depth by depth, and beyond the last one; as many at each depth as there are traits. */
function bringableFrom(
  { parts, traitsTogether }: Plan,
  order: readonly number[],
  options: Choices,
): Uint8Array {
  const traits = traitsTogether.length
  if (traits === 0) return NOTHING
  const may = new Uint8Array(traits * (order.length + 1))
  for (let at = traits * order.length - 1; at >= 0; at--) {
    const index = order[Math.floor(at / traits)] ?? NONE
    const having = traitsTogether[at % traits] ?? NO_WORDS
    const brings =
      may[at + traits] === 1 ||
      (parts[index]?.suffix === '' && (options[index] ?? NOBODY).some((slot) => hasBit(having, slot)))
    may[at] = brings ? 1 : 0
  }
  return may
}

const NO_WORDS = new Uint32Array(0)
const NOBODY: readonly number[] = []
const NOTHING = new Uint8Array(0)
