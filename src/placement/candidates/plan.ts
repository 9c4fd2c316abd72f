/**
 * A query made ready for a world: what is asked for, in parts that one provider each must meet, and for
 * each part the set of providers that may, as bits. What is free is looked at only where the search comes by.
 */
import { NONE } from '../engine/columns.ts'
import type { SlotSet } from '../engine/slot-set.ts'
import { drop, hasBit, keep, setBit, slotsIn, type Wording, type Words, wordsFor } from '../engine/words.ts'
import type { World } from '../engine/world.ts'
import type { CandidateQuery, RequestGroup } from './query.ts'

export interface Demand {
  readonly resourceClass: string
  readonly classIndex: number
  readonly amount: number
  /** No other part demands of the class: it fits when it fits by itself. */
  readonly isAlone: boolean
}

/** Something that one provider must meet: a group with a suffix as a whole, or one class of the group without. */
export interface Part {
  readonly suffix: string
  readonly demands: readonly Demand[]
  /** Which providers may, if they have room. */
  readonly allowed: Words
  /** Those in a tree must be in here, or their root must. Undefined: all may. */
  readonly near: Words | undefined
  /** Those of `allowed` that share with other trees. */
  readonly sharing: readonly number[]
}

export interface Plan {
  readonly parts: readonly Part[]
  /** Indexes of the parts, those that are the hardest to meet first. */
  readonly order: readonly number[]
  /** The roots under which candidates may be found. */
  readonly anchors: Words
  /** Of the group without suffix: the providers with one of the traits of each list. */
  readonly traitsTogether: readonly Words[]
  /** Indexes of the parts that must lie below one of them, for each such set. */
  readonly subtrees: readonly (readonly number[])[]
  /** Some class is demanded by more than one part. */
  readonly hasRivals: boolean
  readonly isolated: boolean
  readonly nested: boolean
}

/** Good as long as the sets that `wording` gave are not used again. */
export function planOf(world: World, query: CandidateQuery, wording: Wording = wordsFor): Plan {
  const sets = new Sets(world, wording)
  const demands = demandsIn(world, query)
  const parts: Part[] = []
  const anchors = sets.bits(world.roots)
  for (const trait of query.rootRequiredTraits) keep(anchors, sets.bits(world.withTrait(trait)))
  for (const trait of query.rootForbiddenTraits) drop(anchors, sets.bits(world.withTrait(trait)))
  for (const [suffix, group] of query.groups) {
    if (suffix !== '') parts.push(partOfOne(sets, suffix, group, demands(group)))
    else parts.push(...partsTogether(sets, group, demands(group), anchors))
  }
  const narrowed = new Set<Words>()
  for (const part of parts) {
    if (!narrowed.has(part.allowed)) narrow(world, sets, anchors, part)
    narrowed.add(part.allowed)
  }
  const indexes = new Map(parts.map(({ suffix }, index) => [suffix, index]))
  const together = query.groups.get('')?.requiredTraits ?? []
  return {
    parts,
    order: parts.map((_, index) => index).sort((a, b) => rankOf(parts[a]) - rankOf(parts[b])),
    anchors,
    traitsTogether: together.map((anyOf) => sets.anyTrait(anyOf)),
    subtrees: query.sameSubtrees.map((suffixes) => suffixes.flatMap((suffix) => indexes.get(suffix) ?? [])),
    hasRivals: parts.some((part) => part.demands.some(({ isAlone }) => !isAlone)),
    isolated: query.groupPolicy === 'isolate',
    nested: query.nested,
  }
}

/** Groups with suffixes before the classes of the one without: they are the harder to meet. */
export const rankOf = (part: Part | undefined): number => (part?.suffix === '' ? 1 : 0)

/** Sets of a world as bits, each made once: a query may name the same ones in a thousand groups. */
class Sets {
  readonly #world: World
  readonly #wording: Wording
  readonly #known = new Map<string, Words>()
  readonly #sharing = new Map<Words, readonly number[]>()

  constructor(world: World, wording: Wording) {
    this.#world = world
    this.#wording = wording
  }

  empty(): Words {
    return this.#wording(this.#world.slots)
  }

  copy(words: Words): Words {
    const copied = this.empty()
    copied.set(words)
    return copied
  }

  bits(set: SlotSet): Words {
    const words = this.empty()
    set.addTo(words)
    return words
  }

  anyTrait(anyOf: readonly string[]): Words {
    return this.#any(`traits ${anyOf.join()}`, () => anyOf.map((trait) => this.#world.withTrait(trait)))
  }

  anyAggregate(anyOf: readonly string[]): Words {
    return this.#any(`aggregates ${anyOf.join()}`, () => anyOf.map((uuid) => this.#world.inAggregate(uuid)))
  }

  holders(resourceClass: string): Words {
    return this.#any(`class ${resourceClass}`, () => [this.#world.holdersOf(resourceClass)])
  }

  roots(): Words {
    return this.#any('roots', () => [this.#world.roots])
  }

  /** The members of the tree that a provider is in; none when it is not there. */
  tree(uuid: string): Words {
    return this.once(`tree ${uuid}`, () => {
      const words = this.empty()
      const { trees } = this.#world
      const slot = this.#world.slotOf(uuid)
      let member = slot === undefined ? NONE : trees.rootOf(slot)
      for (; member !== NONE; member = trees.after(member)) setBit(words, member)
      return words
    })
  }

  everybody(): Words {
    return this.#any('everybody', () => [this.#world.roots, this.#world.nested])
  }

  /** Those of a set that share; the same list for the same set. */
  sharingIn(allowed: Words): readonly number[] {
    const known = this.#sharing.get(allowed)
    if (known) return known
    const found = [...this.#world.sharing].filter((slot) => hasBit(allowed, slot))
    this.#sharing.set(allowed, found)
    return found
  }

  /** The same for the same key; not to be written to. */
  once(key: string, make: () => Words): Words {
    const known = this.#known.get(key)
    if (known) return known
    const words = make()
    this.#known.set(key, words)
    return words
  }

  #any(key: string, sets: () => readonly SlotSet[]): Words {
    return this.once(key, () => {
      const words = this.empty()
      for (const set of sets()) set.addTo(words)
      return words
    })
  }
}

/** What a group asks of each provider that meets it, or some of it; room, and where it stands, apart. */
function forbidIn(words: Words, sets: Sets, group: RequestGroup): void {
  if (group.forbiddenTraits.length > 0) drop(words, sets.anyTrait(group.forbiddenTraits))
  if (group.forbiddenAggregates.length > 0) drop(words, sets.anyAggregate(group.forbiddenAggregates))
  if (group.inTree !== null) keep(words, sets.tree(group.inTree))
}

function partOfOne(sets: Sets, suffix: string, group: RequestGroup, demands: readonly Demand[]): Part {
  const { resources, requiredTraits, memberOf } = group
  const classes = [...resources.keys()]
  const key = JSON.stringify({ ...group, resources: classes })
  const allowed = sets.once(key, () => {
    const words = sets.copy(sets.everybody())
    for (const resourceClass of classes) keep(words, sets.holders(resourceClass))
    for (const anyOf of requiredTraits) keep(words, sets.anyTrait(anyOf))
    for (const anyOf of memberOf) keep(words, sets.anyAggregate(anyOf))
    forbidIn(words, sets, group)
    return words
  })
  return { suffix, demands, allowed, near: undefined, sharing: sets.sharingIn(allowed) }
}

/** A part for each class. An aggregate of the root counts for its whole tree, as does a forbidden one. */
function partsTogether(sets: Sets, group: RequestGroup, demands: readonly Demand[], anchors: Words): Part[] {
  if (group.forbiddenAggregates.length > 0) drop(anchors, sets.anyAggregate(group.forbiddenAggregates))
  if (group.inTree !== null) keep(anchors, sets.tree(group.inTree))
  const [one, ...more] = group.memberOf
  const near = one && sets.copy(sets.anyAggregate(one))
  if (near) for (const anyOf of more) keep(near, sets.anyAggregate(anyOf))
  return demands.map((demand): Part => {
    const allowed = sets.copy(sets.holders(demand.resourceClass))
    forbidIn(allowed, sets, group)
    // What shares must itself be in the aggregates that are asked for.
    const sharing = (group.inTree === null ? sets.sharingIn(allowed) : []).filter(
      (slot) => !near || hasBit(near, slot),
    )
    return { suffix: '', demands: [demand], allowed, near, sharing }
  })
}

/** What each group demands, class by class. */
function demandsIn(world: World, query: CandidateQuery): (group: RequestGroup) => Demand[] {
  const times = new Map<string, number>()
  for (const group of query.groups.values())
    for (const resourceClass of group.resources.keys())
      times.set(resourceClass, (times.get(resourceClass) ?? 0) + 1)
  return ({ resources }) =>
    [...resources].map(([resourceClass, amount]) => ({
      resourceClass,
      classIndex: world.classIndex(resourceClass),
      amount,
      isAlone: times.get(resourceClass) === 1,
    }))
}

/** Whether a provider has room for all that is demanded, each by itself. */
export function hasRoom(world: World, slot: number, demands: readonly Demand[]): boolean {
  for (let at = 0; at < demands.length; at++) {
    const demand = demands[at]
    if (demand && !world.rooms.fits(world.roomOf(slot, demand.classIndex), demand.amount)) return false
  }
  return true
}

/** More members than this are not mapped to their roots one by one: the search will find out by itself. */
const WORTH_MAPPING = 100_000

/** Leaves of the anchors those whose tree, or what shares with it, may have the part. */
function narrow(world: World, sets: Sets, anchors: Words, part: Part): void {
  const members = sets.copy(part.allowed)
  drop(members, sets.roots())
  const reached = sets.copy(part.allowed)
  keep(reached, sets.roots())
  let work = 0
  for (const slot of slotsIn(members)) {
    if (++work > WORTH_MAPPING) return
    setBit(reached, world.trees.rootOf(slot))
  }
  if (part.near) keepNear(world, sets, reached, part, part.near)
  for (const slot of part.sharing) {
    for (const aggregate of world.aggregatesOf(slot)) {
      for (const user of world.inAggregate(aggregate)) {
        if (++work > WORTH_MAPPING) return
        setBit(reached, world.trees.rootOf(user))
      }
    }
  }
  keep(anchors, reached)
}

/** Of the trees reached, those whose root is near, or a member that is allowed. */
function keepNear(world: World, sets: Sets, reached: Words, part: Part, near: Words): void {
  const roots = sets.copy(near)
  keep(roots, sets.roots())
  const nested = sets.copy(part.allowed)
  keep(nested, near)
  drop(nested, sets.roots())
  for (const slot of slotsIn(nested)) setBit(roots, world.trees.rootOf(slot))
  keep(reached, roots)
}
