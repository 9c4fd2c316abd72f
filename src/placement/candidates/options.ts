/**
 * Which providers may meet each part of a plan under one root: members of its tree, and those that share
 * with it. A query can have a hundred thousand roots looked at: one that will not do leaves nothing behind.
 */
import { NONE } from '../engine/columns.ts'
import { hasBit, type Words } from '../engine/words.ts'
import type { World } from '../engine/world.ts'
import { hasRoom, type Part, type Plan } from './plan.ts'
import type { Budget, Choices, Way } from './tree-search.ts'

export class Options {
  readonly #world: World
  readonly #plan: Plan
  /** Indexes of parts; the one that was last met by nobody comes first. */
  readonly #order: number[]
  readonly #isShared: boolean
  /** Nothing is shared, and no two parts vie for anything: who is alone in its tree meets all parts or none. */
  readonly #isPlain: boolean
  /** For each part the first that asks for the same: whoever may meet the one may meet the other. */
  readonly #like: readonly number[]
  /** How many providers there must be for each part, were it only for those like it. */
  readonly #least: readonly number[]
  /** Groups that are not alike are to have a provider each: their number alone does not tell whether they can. */
  readonly #mustMatch: boolean
  readonly #rivalries: readonly Rivalry[]
  /** For each part, those that share and have room, by aggregate. */
  readonly #sharedIn = new Map<Part, ReadonlyMap<string, readonly number[]>>()

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#plan = plan
    this.#order = plan.parts.map((_, index) => index)
    this.#isShared = plan.parts.some(({ sharing }) => sharing.length > 0)
    this.#isPlain = !this.#isShared && isPlain(plan)
    this.#like = likenesses(plan)
    this.#least = leastFor(plan, this.#like)
    const kinds = new Set(this.#like.filter((_, index) => plan.parts[index]?.suffix !== ''))
    this.#mustMatch = plan.isolated && kinds.size > 1
    this.#rivalries = rivalriesIn(plan, this.#like)
  }

  /** Whether `alone` tells all of a root. */
  isAlone(root: number): boolean {
    return this.#isPlain && this.#world.trees.after(root) === NONE
  }

  /** The root for each part; undefined when it does not meet them all. Most roots that are looked at are of this kind. */
  alone(root: number, budget: Budget): Way | undefined {
    const { parts, traitsTogether } = this.#plan
    budget.steps -= parts.length
    for (let place = 0; place < this.#order.length; place++) {
      const part = parts[this.#order[place] ?? NONE]
      if (!part || this.#may(part, part.near === undefined || hasBit(part.near, root), root)) continue
      this.#putFirst(place)
      return undefined
    }
    // By index: iterators of such short lists would be most of what a root leaves behind.
    for (let at = 0; at < traitsTogether.length; at++)
      if (!hasBit(traitsTogether[at] ?? NO_WORDS, root)) return undefined
    return parts.map(() => root)
  }

  /** The providers for each part; undefined when there are none for some part, or never enough for all. */
  under(root: number, budget: Budget): Choices | undefined {
    const isLone = this.#world.trees.after(root) === NONE
    const members = isLone ? undefined : this.#membersOf(root)
    const aggregates = this.#isShared ? this.#aggregatesOf(members ?? [root]) : NO_NAMES
    let options: (readonly number[])[] | undefined
    for (let place = 0; place < this.#order.length; place++) {
      const index = this.#order[place] ?? NONE
      const part = this.#plan.parts[index]
      if (!part) continue
      const like = this.#like[index] ?? index
      let found = options?.[like]
      if (found === undefined || found === NOBODY) {
        // Looking at bits is quicker than a step.
        budget.steps -= (members?.length ?? 1) >>> 2
        found = this.#found(part, root, members, aggregates, budget)
        if (found === undefined || found.length < (this.#least[index] ?? 0)) {
          this.#putFirst(place)
          return undefined
        }
        options ??= this.#plan.parts.map(() => NOBODY)
        options[like] = found
      }
      if (options) options[index] = found
    }
    // What is asked for without parts, every root has.
    options ??= []
    budget.steps -= options.length
    if (this.#mustMatch && !canIsolate(this.#plan, options)) return undefined
    for (let at = 0; at < this.#rivalries.length; at++) {
      const rivalry = this.#rivalries[at]
      if (rivalry && !suffices(this.#world, rivalry, options)) return undefined
    }
    return options
  }

  #putFirst(place: number): void {
    if (place > 0) this.#order.unshift(...this.#order.splice(place, 1))
  }

  /** Who may meet a part; `members` are those of the tree when the root is not its only one. Undefined: nobody. */
  #found(
    part: Part,
    root: number,
    members: readonly number[] | undefined,
    aggregates: ReadonlySet<string>,
    budget: Budget,
  ): readonly number[] | undefined {
    const all = part.near === undefined || hasBit(part.near, root)
    if (!members && part.sharing.length === 0) return this.#may(part, all, root) ? [root] : undefined
    const found = (members ?? [root]).filter((slot) => this.#may(part, all, slot))
    if (part.sharing.length > 0) this.#addShared(found, part, root, aggregates, budget)
    return found.length === 0 ? undefined : found
  }

  #may({ allowed, near, demands }: Part, all: boolean, slot: number): boolean {
    return (
      hasBit(allowed, slot) &&
      (all || near === undefined || hasBit(near, slot)) &&
      hasRoom(this.#world, slot, demands)
    )
  }

  #membersOf(root: number): number[] {
    const members: number[] = []
    for (let slot = root; slot !== NONE; slot = this.#world.trees.after(slot)) members.push(slot)
    return members
  }

  #aggregatesOf(members: readonly number[]): ReadonlySet<string> {
    return new Set(members.flatMap((slot) => this.#world.aggregatesOf(slot)))
  }

  #addShared(
    found: number[],
    part: Part,
    root: number,
    aggregates: ReadonlySet<string>,
    budget: Budget,
  ): void {
    const lists = this.#sharedBy(part)
    const before = found.length
    const seen = new Set<number>()
    for (const aggregate of aggregates) {
      for (const slot of lists.get(aggregate) ?? []) {
        if (seen.has(slot) || this.#world.trees.rootOf(slot) === root) continue
        seen.add(slot)
        found.push(slot)
      }
    }
    budget.steps -= found.length - before
  }

  #sharedBy(part: Part): ReadonlyMap<string, readonly number[]> {
    const known = this.#sharedIn.get(part)
    if (known) return known
    const lists = new Map<string, number[]>()
    for (const slot of part.sharing) {
      if (!hasRoom(this.#world, slot, part.demands)) continue
      for (const aggregate of this.#world.aggregatesOf(slot)) {
        const list = lists.get(aggregate)
        if (list) list.push(slot)
        else lists.set(aggregate, [slot])
      }
    }
    this.#sharedIn.set(part, lists)
    return lists
  }
}

const NO_NAMES: ReadonlySet<string> = new Set()
const NOBODY: readonly number[] = []
const NO_WORDS = new Uint32Array(0)

/** Suffixed groups for the same have the same set. */
function likenesses({ parts }: Plan): number[] {
  const numbers = new Map<Words, number>()
  const firsts = new Map<string, number>()
  return parts.map(({ allowed, demands }, index) => {
    const number = numbers.get(allowed) ?? numbers.size
    numbers.set(allowed, number)
    const key = `${number} ${demands.map(({ classIndex, amount }) => `${classIndex}:${amount}`).join()}`
    const first = firsts.get(key) ?? index
    firsts.set(key, first)
    return first
  })
}

function leastFor({ parts, isolated }: Plan, like: readonly number[]): number[] {
  const times = new Map<number, number>()
  for (const [index, { suffix }] of parts.entries()) {
    const first = like[index] ?? index
    if (isolated && suffix !== '') times.set(first, (times.get(first) ?? 0) + 1)
  }
  return parts.map((_, index) => times.get(like[index] ?? index) ?? 1)
}

function isPlain({ parts, hasRivals, isolated, subtrees, traitsTogether }: Plan): boolean {
  const groups = parts.filter(({ suffix }) => suffix !== '').length
  return (
    parts.length > 0 &&
    !hasRivals &&
    !(isolated && groups > 1) &&
    subtrees.length === 0 &&
    (traitsTogether.length === 0 || groups < parts.length)
  )
}

/** A class that several parts demand. */
interface Rivalry {
  readonly classIndex: number
  /** Of all of them together. */
  readonly amount: number
  /** Of parts that are alike the first. */
  readonly parts: readonly number[]
}

function rivalriesIn({ parts }: Plan, like: readonly number[]): Rivalry[] {
  const rivals = new Map<number, { amount: number; parts: Set<number> }>()
  for (const [index, { demands }] of parts.entries()) {
    for (const { classIndex, amount, isAlone } of demands) {
      if (isAlone) continue
      const sum = rivals.get(classIndex) ?? { amount: 0, parts: new Set() }
      sum.amount += amount
      sum.parts.add(like[index] ?? index)
      rivals.set(classIndex, sum)
    }
  }
  return Array.from(rivals, ([classIndex, sum]) => ({
    classIndex,
    amount: sum.amount,
    parts: [...sum.parts],
  }))
}

/** Whether the providers have enough for all that vie for a class: what is plainly impossible is not worth a search. */
function suffices(world: World, { classIndex, amount, parts }: Rivalry, options: Choices): boolean {
  let free = 0
  for (const slot of unionOf(parts, options)) {
    const row = world.roomOf(slot, classIndex)
    free += Math.min(world.rooms.capacity(row) - world.rooms.used(row), world.rooms.maxUnit(row))
  }
  return amount <= free
}

function unionOf(parts: readonly number[], options: Choices): Iterable<number> {
  const [first, ...more] = parts
  const list = options[first ?? NONE] ?? NOBODY
  return more.length === 0 ? list : new Set([list, ...more.map((part) => options[part] ?? NOBODY)].flat())
}

/** Whether each group with a suffix can have a provider of its own: groups make room for one another in turn. */
function canIsolate(plan: Plan, options: Choices): boolean {
  const groups = plan.parts.flatMap(({ suffix }, index) => (suffix === '' ? [] : [index]))
  const holder = new Map<number, number>()
  const settle = (group: number, tried: Set<number>): boolean => {
    for (const slot of options[group] ?? []) {
      if (tried.has(slot)) continue
      tried.add(slot)
      const other = holder.get(slot)
      if (other !== undefined && !settle(other, tried)) continue
      holder.set(slot, group)
      return true
    }
    return false
  }
  return groups.every((group) => settle(group, new Set()))
}
