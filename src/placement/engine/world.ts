/**
 * The providers in memory, as columns: what each has of which class, its traits, its aggregates, and
 * its place in its tree. Searches read it; the feed writes it, in one go, so that no search sees half a change.
 */
import { SHARES_VIA_AGGREGATE } from '../standard.ts'
import { NONE, roomFor } from './columns.ts'
import { Profiles } from './profiles.ts'
import { type Room, Rooms } from './rooms.ts'
import { SlotSet } from './slot-set.ts'
import { Trees } from './trees.ts'

/** Where a provider stands. */
export interface Place {
  readonly id: number
  readonly parentId: number | null
  readonly rootId: number
}

/** A provider as the database has it. */
export interface ProviderRecord extends Place {
  readonly uuid: string
  readonly rooms: readonly Room[]
  /** Names with commas between; the same sets mostly in the same order. */
  readonly traits: string
  readonly aggregates: string
}

const EMPTY = new SlotSet()

export class World {
  readonly rooms = new Rooms()
  readonly trees = new Trees()
  /** The roots, and all others. */
  readonly roots = new SlotSet()
  readonly nested = new SlotSet()
  readonly #slots = new Map<number, number>()
  readonly #slotsByUuid = new Map<string, number>()
  readonly #uuids: string[] = []
  readonly #free: number[] = []
  #firstRoom = new Int32Array(0)
  #traitProfile = new Int32Array(0)
  #aggregateProfile = new Int32Array(0)
  readonly #profiles = { traits: new Profiles(), aggregates: new Profiles() }
  readonly #traits = new Map<string, SlotSet>()
  readonly #aggregates = new Map<string, SlotSet>()
  readonly #classIndexes = new Map<string, number>()
  readonly #classes: { readonly name: string; readonly holders: SlotSet }[] = []

  /** All slots are below it. */
  get slots(): number {
    return this.#uuids.length
  }

  /** How many providers there are. */
  get size(): number {
    return this.#slots.size
  }

  /**
   * Makes what it knows of these providers what the records say, and forgets those that are gone. False
   * when the records do not fit to what is known: then it is of no use any more.
   */
  apply(records: readonly ProviderRecord[], gone: readonly number[]): boolean {
    const freed = gone.flatMap((id) => this.#remove(id))
    this.take(records)
    const fits = this.place(records)
    this.#free.push(...freed)
    return fits
  }

  /** Takes providers in whose places are told later. */
  take(records: readonly ProviderRecord[]): void {
    for (const record of records) this.#put(record)
  }

  /** Tells where providers stand. False when some tree is not there as a whole; its providers are left out. */
  place(places: readonly Place[]): boolean {
    // Members find their roots and parents among all that are there now; roots first.
    const ofRoots = places.filter(({ id, rootId }) => id === rootId)
    const ofOthers = places.filter(({ id, rootId }) => id !== rootId)
    return [...ofRoots, ...ofOthers].map((each) => this.#place(each)).every(Boolean)
  }

  /** How much of a class is used; of what is not known here, nothing happens: its change is still to come. */
  setUsed(id: number, resourceClass: string, used: number): void {
    const slot = this.#slots.get(id)
    const row = slot === undefined ? NONE : this.roomOf(slot, this.classIndex(resourceClass))
    if (row !== NONE) this.rooms.setUsed(row, used)
  }

  slotOf(uuid: string): number | undefined {
    return this.#slotsByUuid.get(uuid)
  }

  uuid(slot: number): string {
    return this.#uuids[slot] ?? ''
  }

  /** The row of a class among a provider's inventories, or NONE. */
  roomOf(slot: number, classIndex: number): number {
    return this.rooms.find(this.#firstRoom[slot] ?? NONE, classIndex)
  }

  /** NONE of a class that nobody has. */
  classIndex(resourceClass: string): number {
    return this.#classIndexes.get(resourceClass) ?? NONE
  }

  *roomsOf(slot: number): Generator<Pick<Room, 'resourceClass' | 'capacity' | 'used'>> {
    for (let row = this.#firstRoom[slot] ?? NONE; row !== NONE; row = this.rooms.next(row))
      yield { resourceClass: this.#classes[this.rooms.classOf(row)]?.name ?? '', ...this.rooms.show(row) }
  }

  /** Puts the rows of a provider's inventories at the beginning of `rows`; in the order of `roomsOf`. */
  rowsOf(slot: number, rows: number[]): void {
    let at = 0
    for (let row = this.#firstRoom[slot] ?? NONE; row !== NONE; row = this.rooms.next(row)) rows[at++] = row
  }

  /** The same for providers with the same traits and the same classes in the same order, of which all or none are roots. */
  likenessOf(slot: number): string {
    let likeness = `${this.trees.parentOf(slot) === NONE} ${this.#traitProfile[slot]}`
    for (let row = this.#firstRoom[slot] ?? NONE; row !== NONE; row = this.rooms.next(row))
      likeness += ` ${this.rooms.classOf(row)}`
    return likeness
  }

  /** Whether two have the same likeness; that is cheaper than to look at it. */
  areAlike(one: number, other: number): boolean {
    if (this.#traitProfile[one] !== this.#traitProfile[other]) return false
    if ((this.trees.parentOf(one) === NONE) !== (this.trees.parentOf(other) === NONE)) return false
    let mine = this.#firstRoom[one] ?? NONE
    let theirs = this.#firstRoom[other] ?? NONE
    while (mine !== NONE && theirs !== NONE && this.rooms.classOf(mine) === this.rooms.classOf(theirs)) {
      mine = this.rooms.next(mine)
      theirs = this.rooms.next(theirs)
    }
    return mine === theirs
  }

  holdersOf(resourceClass: string): SlotSet {
    return this.#classes[this.classIndex(resourceClass)]?.holders ?? EMPTY
  }

  withTrait(trait: string): SlotSet {
    return this.#traits.get(trait) ?? EMPTY
  }

  inAggregate(aggregate: string): SlotSet {
    return this.#aggregates.get(aggregate) ?? EMPTY
  }

  get sharing(): SlotSet {
    return this.withTrait(SHARES_VIA_AGGREGATE)
  }

  /** In order. */
  traitsOf(slot: number): readonly string[] {
    return this.#profiles.traits.names(this.#traitProfile[slot] ?? NONE)
  }

  aggregatesOf(slot: number): readonly string[] {
    return this.#profiles.aggregates.names(this.#aggregateProfile[slot] ?? NONE)
  }

  #put(record: ProviderRecord): void {
    const slot = this.#slots.get(record.id) ?? this.#newSlot(record)
    this.#label(slot, record)
    this.#removeRooms(slot)
    let first = NONE
    for (const room of record.rooms.toReversed()) {
      const classIndex = this.#classOf(room.resourceClass)
      this.#classes[classIndex]?.holders.add(slot)
      first = this.rooms.insert(first, classIndex, room)
    }
    this.#firstRoom[slot] = first
    const moved = this.trees.rootOf(slot) !== (this.#slots.get(record.rootId) ?? NONE)
    if (moved) this.trees.remove(slot)
  }

  #place({ id, parentId, rootId }: Place): boolean {
    const slot = this.#slots.get(id)
    const root = this.#slots.get(rootId)
    const parent = parentId === null ? NONE : this.#slots.get(parentId)
    if (slot === undefined || root === undefined || parent === undefined) return false
    this.trees.place(slot, parent, root)
    const [into, outOf] = root === slot ? [this.roots, this.nested] : [this.nested, this.roots]
    into.add(slot)
    outOf.delete(slot)
    return true
  }

  #newSlot({ id, uuid }: ProviderRecord): number {
    const slot = this.#free.pop() ?? this.#uuids.length
    this.#uuids[slot] = uuid
    this.#slots.set(id, slot)
    this.#slotsByUuid.set(uuid, slot)
    this.#firstRoom = roomFor(this.#firstRoom, slot)
    this.#traitProfile = roomFor(this.#traitProfile, slot)
    this.#aggregateProfile = roomFor(this.#aggregateProfile, slot)
    this.#firstRoom[slot] = NONE
    this.#traitProfile[slot] = this.#profiles.traits.take('')
    this.#aggregateProfile[slot] = this.#profiles.aggregates.take('')
    return slot
  }

  /** Answers the slot, which must not be given away while others may still point to it. */
  #remove(id: number): number[] {
    const slot = this.#slots.get(id)
    if (slot === undefined) return []
    this.#label(slot, { traits: '', aggregates: '' })
    this.#removeRooms(slot)
    this.trees.remove(slot)
    this.roots.delete(slot)
    this.nested.delete(slot)
    this.#profiles.traits.give(this.#traitProfile[slot] ?? NONE)
    this.#profiles.aggregates.give(this.#aggregateProfile[slot] ?? NONE)
    this.#slotsByUuid.delete(this.uuid(slot))
    this.#slots.delete(id)
    this.#uuids[slot] = ''
    return [slot]
  }

  #removeRooms(slot: number): void {
    const first = this.#firstRoom[slot] ?? NONE
    for (let row = first; row !== NONE; row = this.rooms.next(row))
      this.#classes[this.rooms.classOf(row)]?.holders.delete(slot)
    this.rooms.remove(first)
    this.#firstRoom[slot] = NONE
  }

  #label(slot: number, { traits, aggregates }: Pick<ProviderRecord, 'traits' | 'aggregates'>): void {
    relabel(slot, traits, this.#traitProfile, this.#profiles.traits, this.#traits)
    relabel(slot, aggregates, this.#aggregateProfile, this.#profiles.aggregates, this.#aggregates)
  }

  #classOf(name: string): number {
    const known = this.#classIndexes.get(name)
    if (known !== undefined) return known
    this.#classIndexes.set(name, this.#classes.length)
    return this.#classes.push({ name, holders: new SlotSet() }) - 1
  }
}

/** Gives a provider another set of labels, in its column and in the labels' sets. */
function relabel(
  slot: number,
  text: string,
  column: Int32Array,
  profiles: Profiles,
  sets: Map<string, SlotSet>,
): void {
  const before = column[slot] ?? NONE
  const after = profiles.take(text)
  column[slot] = after
  if (after !== before) {
    for (const name of profiles.names(before)) {
      const set = sets.get(name)
      set?.delete(slot)
      if (set?.size === 0) sets.delete(name)
    }
    for (const name of profiles.names(after)) {
      const set = sets.get(name) ?? new SlotSet()
      set.add(slot)
      sets.set(name, set)
    }
  }
  profiles.give(before)
}
