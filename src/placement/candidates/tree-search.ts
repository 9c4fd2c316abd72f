/**
 * The search under one root: a provider for each part, so that all of it holds together. It goes on
 * where it stopped, takes the parts with the fewest ways first, and gives up a branch as soon as it
 * cannot be finished. Each step is counted, so that whoever asks decides how long it may take.
 */
import { NONE } from '../engine/columns.ts'
import { hasBit, type Words } from '../engine/words.ts'
import type { World } from '../engine/world.ts'
import type { Part, Plan } from './plan.ts'

/** A part and the providers that may meet it under this root. */
interface Open {
  readonly part: Part
  /** Where the part is in the plan. */
  readonly index: number
  readonly options: readonly number[]
}

/** Steps left, shared by all who search for one query. */
export interface Budget {
  steps: number
}

/** The provider of each part, in the order of the plan; 'later' when its turn was over first; undefined when there are no more. */
export type Found = readonly number[] | 'later' | undefined

/** What a look at a subtree costs, beside an option's one. */
const SUBTREE_STEPS = 4

export class TreeSearch {
  readonly #world: World
  readonly #plan: Plan
  readonly #open: readonly Open[]
  /** For each depth the subtrees that its part belongs to. */
  readonly #subtrees: readonly (readonly (readonly number[])[])[]
  /** From each depth on: which of the traits asked for together the parts may still bring. */
  readonly #mayBring: readonly (readonly boolean[])[]
  /** For each depth the option that is taken there, by its place among the options. */
  readonly #at: Int32Array
  /** The provider of each part of the plan; NONE as long as it has none. */
  readonly #taken: Int32Array
  /** What is taken of an inventory, by its row. */
  readonly #sums = new Map<number, number>()
  /** How many groups a provider meets; how many parts the one provider of a tree does, where there may be only one. */
  readonly #groupsOf = new Map<number, number>()
  readonly #ofTree = new Map<number, { readonly provider: number; parts: number }>()
  readonly #optionSets = new Map<number, ReadonlySet<number>>()
  #depth = 0

  /** `options` are the providers that may meet each part of the plan, each by itself; none is empty. */
  constructor(world: World, plan: Plan, options: readonly (readonly number[])[], budget: Budget) {
    const { parts, subtrees, traitsTogether } = plan
    budget.steps -= parts.length * (1 + subtrees.length + traitsTogether.length)
    this.#world = world
    this.#plan = plan
    this.#open = plan.parts
      .map((part, index): Open => ({ part, index, options: options[index] ?? [] }))
      .sort((a, b) => rankOf(a) - rankOf(b) || a.options.length - b.options.length)
    this.#subtrees = this.#open.map(({ index }) => plan.subtrees.filter((parts) => parts.includes(index)))
    this.#mayBring = bringableFrom(plan, this.#open)
    this.#at = new Int32Array(this.#open.length).fill(-1)
    this.#taken = new Int32Array(this.#open.length).fill(NONE)
  }

  /** The next way, looked for with about so many steps at most. */
  next(budget: Budget, turn: number): Found {
    const end = Math.max(0, budget.steps - turn)
    while (this.#depth >= 0) {
      if (budget.steps <= end) return 'later'
      budget.steps--
      if (this.#depth === this.#open.length) {
        this.#depth--
        return [...this.#taken]
      }
      this.#depth += this.#advance(this.#depth, budget) ? 1 : -1
    }
    return undefined
  }

  /** Takes the next option that will do at a depth, in place of the one taken there. False when there is none. */
  #advance(depth: number, budget: Budget): boolean {
    const open = this.#open[depth]
    if (!open) return false
    const { part, index, options } = open
    this.#release(part, index)
    for (let at = (this.#at[depth] ?? -1) + 1; at < options.length; at++) {
      budget.steps--
      const slot = options[at] ?? NONE
      if (!this.#mayTake(part, slot)) continue
      this.#take(part, index, slot)
      if (this.#subtreesHold(depth, budget) && this.#traitsMayHold(depth, budget)) {
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
    if (isolated && part.suffix !== '' && this.#groupsOf.has(slot)) return false
    if (!nested && part.demands.length > 0) {
      const tree = this.#ofTree.get(this.#world.trees.rootOf(slot))
      if (tree && tree.provider !== slot) return false
    }
    return part.demands.every(({ classIndex, amount, isAlone }) => {
      if (isAlone) return true
      const row = this.#world.roomOf(slot, classIndex)
      const sum = (this.#sums.get(row) ?? 0) + amount
      const { rooms } = this.#world
      return rooms.used(row) + sum <= rooms.capacity(row) && sum <= rooms.maxUnit(row)
    })
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
    if (this.#plan.isolated && part.suffix !== '') addTo(this.#groupsOf, slot, by)
    if (!this.#plan.nested && part.demands.length > 0) this.#countInTree(slot, by)
    for (const { classIndex, amount, isAlone } of part.demands)
      if (!isAlone) addTo(this.#sums, this.#world.roomOf(slot, classIndex), by * amount)
  }

  #countInTree(slot: number, by: 1 | -1): void {
    const root = this.#world.trees.rootOf(slot)
    const tree = this.#ofTree.get(root) ?? { provider: slot, parts: 0 }
    tree.parts += by
    if (tree.parts === 0) this.#ofTree.delete(root)
    else this.#ofTree.set(root, tree)
  }

  /** Whether one that is taken, or one that may still be, is above all that are taken of each subtree. */
  #subtreesHold(depth: number, budget: Budget): boolean {
    return (this.#subtrees[depth] ?? []).every((parts) => {
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
    const known = this.#optionSets.get(index)
    if (known) return known
    const set = new Set(this.#open.find((open) => open.index === index)?.options)
    this.#optionSets.set(index, set)
    return set
  }

  #traitsMayHold(depth: number, budget: Budget): boolean {
    const { traitsTogether, parts } = this.#plan
    budget.steps -= traitsTogether.length
    return traitsTogether.every(
      (having, at) =>
        this.#mayBring[depth + 1]?.[at] === true ||
        parts.some((part, index) => part.suffix === '' && hasTaken(having, this.#taken[index] ?? NONE)),
    )
  }
}

const hasTaken = (words: Words, slot: number): boolean => slot !== NONE && hasBit(words, slot)

/** Groups with suffixes before the classes of the one without: they are the harder to meet. */
const rankOf = ({ part }: Open): number => (part.suffix === '' ? 1 : 0)

function addTo(sums: Map<number, number>, key: number, amount: number): void {
  const sum = (sums.get(key) ?? 0) + amount
  if (sum === 0) sums.delete(key)
  else sums.set(key, sum)
}

function bringableFrom({ traitsTogether }: Plan, open: readonly Open[]): readonly (readonly boolean[])[] {
  if (traitsTogether.length === 0) return []
  let from = traitsTogether.map(() => false)
  const all = [from]
  for (const { part, options } of open.toReversed()) {
    if (part.suffix === '')
      from = from.map(
        (may, at) => may || options.some((slot) => hasBit(traitsTogether[at] ?? NO_WORDS, slot)),
      )
    all.push(from)
  }
  return all.reverse()
}

const NO_WORDS = new Uint32Array(0)
