/** The answer for candidates: what is taken of whom, and a summary of each provider of the trees concerned. */
import { NONE } from '../engine/columns.ts'
import type { World } from '../engine/world.ts'
import type { Plan } from './plan.ts'
import type { Way } from './search.ts'

interface ProviderRef {
  readonly uuid: string
}

export interface FoundCandidate {
  /** Amounts of resource classes by provider. */
  readonly taken: ReadonlyMap<ProviderRef, ReadonlyMap<string, number>>
  /** Which providers meet which group. */
  readonly mappings: ReadonlyMap<string, readonly ProviderRef[]>
}

export interface ProviderSummary {
  readonly uuid: string
  readonly parentUuid: string | null
  readonly rootUuid: string
  readonly rooms: ReadonlyMap<string, { readonly capacity: number; readonly used: number }>
  readonly traits: readonly string[]
  /** Whether some candidate takes something of it. */
  readonly taken: boolean
}

export interface Candidates {
  readonly found: readonly FoundCandidate[]
  readonly summaries: readonly ProviderSummary[]
}

/** How much there is to tell of candidates: each provider of each, and once all of the trees that they take of. */
export class Telling {
  readonly #world: World
  readonly #each: number
  readonly #trees = new Set<number>()
  told = 0

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#each = 2 + 4 * plan.parts.length
  }

  /** Answers what is told in all. */
  add(way: Way): number {
    this.told += this.#each
    for (const slot of way) {
      const root = this.#world.trees.rootOf(slot)
      if (this.#trees.has(root)) continue
      this.#trees.add(root)
      this.told += this.#tree(root)
    }
    return this.told
  }

  #tree(root: number): number {
    let size = 0
    for (let slot = root; slot !== NONE; slot = this.#world.trees.after(slot))
      size += 12 + this.#world.traitsOf(slot).length
    return size
  }
}

/** Puts the summaries of all providers of all trees that the candidates take of beside the candidates. */
export function assemble(world: World, plan: Plan, ways: readonly Way[]): Candidates {
  const refs = new Map<number, ProviderRef>()
  const refOf = (slot: number): ProviderRef => {
    const known = refs.get(slot)
    if (known) return known
    const ref = { uuid: world.uuid(slot) }
    refs.set(slot, ref)
    return ref
  }
  const taken = new Set<number>()
  for (const way of ways)
    for (const [index, slot] of way.entries()) if (plan.parts[index]?.demands.length) taken.add(slot)
  const roots = new Set([...taken].map((slot) => world.trees.rootOf(slot)))
  const summaries: ProviderSummary[] = []
  for (const root of roots)
    for (let slot = root; slot !== NONE; slot = world.trees.after(slot))
      summaries.push(summaryOf(world, slot, taken.has(slot)))
  return { found: ways.map((way) => candidateOf(plan, way, refOf)), summaries }
}

function candidateOf(plan: Plan, way: Way, refOf: (slot: number) => ProviderRef): FoundCandidate {
  const taken = new Map<ProviderRef, Map<string, number>>()
  const mappings = new Map<string, ProviderRef[]>()
  for (const [index, { suffix, demands }] of plan.parts.entries()) {
    const ref = refOf(way[index] ?? NONE)
    const group = mappings.get(suffix)
    if (!group) mappings.set(suffix, [ref])
    else if (!group.includes(ref)) group.push(ref)
    if (demands.length === 0) continue
    const amounts = taken.get(ref) ?? new Map<string, number>()
    taken.set(ref, amounts)
    for (const { resourceClass, amount } of demands)
      amounts.set(resourceClass, (amounts.get(resourceClass) ?? 0) + amount)
  }
  return { taken, mappings }
}

function summaryOf(world: World, slot: number, taken: boolean): ProviderSummary {
  const parent = world.trees.parentOf(slot)
  return {
    uuid: world.uuid(slot),
    parentUuid: parent === NONE ? null : world.uuid(parent),
    rootUuid: world.uuid(world.trees.rootOf(slot)),
    rooms: new Map([...world.roomsOf(slot)].map((room) => [room.resourceClass, room])),
    traits: world.traitsOf(slot),
    taken,
  }
}
