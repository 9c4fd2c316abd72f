/**
 * The answer for candidates: what is taken of whom, and a summary of each provider of the trees concerned.
 * It is told in forms: ways in which the same parts share a provider look alike, and so do
 * providers with the same classes and traits.
 */
import { NONE } from '../engine/columns.ts'
import type { World } from '../engine/world.ts'
import type { Desk } from './desk.ts'
import { type Form, numberGap, textGap, Utf8Text } from './form.ts'
import type { Plan } from './plan.ts'
import type { Way } from './search.ts'

/** A candidate; its providers are gaps. */
export interface CandidateExample {
  /** Amounts of resource classes by provider. */
  readonly taken: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Which providers meet which group. */
  readonly mappings: ReadonlyMap<string, readonly string[]>
}

/** A provider; all but its classes and traits are gaps. */
export interface ProviderExample {
  readonly parentUuid: string | null
  readonly rootUuid: string
  readonly rooms: ReadonlyMap<string, { readonly capacity: string; readonly used: string }>
  readonly traits: readonly string[]
}

/** How candidates and providers are shown. */
export interface Looks {
  candidate(example: CandidateExample): unknown
  provider(example: ProviderExample): unknown
  /** Of providers that nothing is taken of, there are summaries too. */
  readonly allOfTrees: boolean
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
    for (let part = 0; part < way.length; part++) {
      const root = this.#world.trees.rootOf(way[part] ?? NONE)
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

/** About what a candidate and the summary of its host take. */
const BYTES_EACH = 1_280
const BYTES_AROUND = 1_024

/** What was found, and how it is to be told. */
export interface Findings {
  readonly world: World
  readonly plan: Plan
  readonly ways: readonly Way[]
  readonly looks: Looks
  readonly desk: Desk
}

/** The candidates, and the summaries of all providers of all trees that they take of, in JSON. */
export function assemble(findings: Findings): Utf8Text {
  const { ways, desk } = findings
  const text = new Utf8Text(desk.paper(BYTES_AROUND + BYTES_EACH * ways.length))
  text.addAscii('{"allocation_requests":[')
  tellCandidates(text, findings)
  text.addAscii('],"provider_summaries":{')
  tellProviders(text, findings)
  text.addAscii('}}')
  return text
}

function tellCandidates(text: Utf8Text, { world, plan, ways, looks, desk }: Findings): void {
  const forms = new Map<string, Form>()
  let sharing: readonly number[] = []
  let form: Form | undefined
  let way: Way = []
  const makeForm = () => desk.form(looks.candidate(candidateOf(plan, sharing)))
  const fill = (part: number): void => text.addAscii(world.uuid(way[part] ?? NONE))
  for (let at = 0; at < ways.length; at++) {
    way = ways[at] ?? []
    // Most are like the one before.
    if (!form || !isSharedAs(way, sharing)) {
      sharing = way.map((slot) => way.indexOf(slot))
      form = knownOr(forms, sharing.join(), makeForm)
    }
    if (at > 0) text.addAscii(',')
    form.tell(text, fill)
  }
}

function isSharedAs(way: Way, sharing: readonly number[]): boolean {
  for (let part = 0; part < way.length; part++)
    if (way.indexOf(way[part] ?? NONE) !== sharing[part]) return false
  return true
}

/** `sharing` tells for each part the first that has the same provider: that is the provider's gap. */
function candidateOf(plan: Plan, sharing: readonly number[]): CandidateExample {
  const taken = new Map<string, Map<string, number>>()
  const mappings = new Map<string, string[]>()
  for (const [index, { suffix, demands }] of plan.parts.entries()) {
    const provider = textGap(sharing[index] ?? index)
    const group = mappings.get(suffix)
    if (!group) mappings.set(suffix, [provider])
    else if (!group.includes(provider)) group.push(provider)
    if (demands.length === 0) continue
    const amounts = taken.get(provider) ?? new Map<string, number>()
    taken.set(provider, amounts)
    for (const { resourceClass, amount } of demands)
      amounts.set(resourceClass, (amounts.get(resourceClass) ?? 0) + amount)
  }
  return { taken, mappings }
}

/** The gaps of a provider; those of its classes come after, two for each. */
const PARENT = 0
const ROOT = 1
const ROOMS = 2

function tellProviders(text: Utf8Text, { world, plan, ways, looks, desk }: Findings): void {
  const { rooms, trees } = world
  const forms = new Map<string, Form>()
  const rows: number[] = []
  let slot = NONE
  const fill = (gap: number): void => {
    if (gap < ROOMS)
      return text.addAscii(world.uuid(gap === PARENT ? trees.parentOf(slot) : trees.rootOf(slot)))
    const row = rows[(gap - ROOMS) >> 1] ?? NONE
    text.addNumber((gap - ROOMS) % 2 === 0 ? rooms.capacity(row) : rooms.used(row))
  }
  const makeForm = () => desk.form(looks.provider(providerOf(world, slot)))
  let form: Form | undefined
  let before = NONE
  const only = looks.allOfTrees ? undefined : takenIn(plan, ways, (one) => one)
  for (const root of takenIn(plan, ways, (one) => trees.rootOf(one))) {
    for (slot = root; slot !== NONE; slot = trees.after(slot)) {
      if (only?.has(slot) === false) continue
      text.addAscii(before === NONE ? '"' : ',"')
      text.addAscii(world.uuid(slot))
      text.addAscii('":')
      world.rowsOf(slot, rows)
      // Most are like the one before.
      if (!form || !world.areAlike(slot, before)) form = knownOr(forms, world.likenessOf(slot), makeForm)
      form.tell(text, fill)
      before = slot
    }
  }
}

function providerOf(world: World, slot: number): ProviderExample {
  const rooms = [...world.roomsOf(slot)].map(
    ({ resourceClass }, index) =>
      [
        resourceClass,
        { capacity: numberGap(ROOMS + 2 * index), used: numberGap(ROOMS + 2 * index + 1) },
      ] as const,
  )
  return {
    parentUuid: world.trees.parentOf(slot) === NONE ? null : textGap(PARENT),
    rootUuid: textGap(ROOT),
    rooms: new Map(rooms),
    traits: world.traitsOf(slot),
  }
}

/** What the slots are of that something is taken of: each once, in the order in which they are met. */
function takenIn(plan: Plan, ways: readonly Way[], of: (slot: number) => number): ReadonlySet<number> {
  const taken = new Set<number>()
  for (const way of ways)
    for (let index = 0; index < way.length; index++)
      if (plan.parts[index]?.demands.length) taken.add(of(way[index] ?? NONE))
  return taken
}

function knownOr(forms: Map<string, Form>, likeness: string, make: () => Form): Form {
  const known = forms.get(likeness)
  if (known) return known
  const form = make()
  forms.set(likeness, form)
  return form
}
