/**
 * A set of slots that lasts: a trait's, an aggregate's or a class's providers. A few are kept one by
 * one, many as bits, so that ten thousand aggregates of three hosts each cost little as well.
 */
import { hasBit, setBit, slotsIn, type Words } from './words.ts'

/** One by one, a slot takes about as much as this many bits. */
const BITS_EACH = 320
const ALWAYS_FEW = 16

export class SlotSet {
  #few: Set<number> | undefined = new Set()
  #words: Words = new Uint32Array(0)
  #largest = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  has(slot: number): boolean {
    return this.#few ? this.#few.has(slot) : hasBit(this.#words, slot)
  }

  add(slot: number): void {
    if (this.has(slot)) return
    this.#size++
    this.#largest = Math.max(this.#largest, slot)
    if (!this.#few) return this.#set(slot)
    this.#few.add(slot)
    if (this.#size > ALWAYS_FEW && this.#size * BITS_EACH > this.#largest) this.#becomeMany(this.#few)
  }

  delete(slot: number): void {
    if (!this.has(slot)) return
    this.#size--
    if (this.#few) this.#few.delete(slot)
    else this.#words[slot >>> 5] = (this.#words[slot >>> 5] ?? 0) & ~(1 << (slot & 31))
  }

  /** Puts all of them into `words`. */
  addTo(words: Words): void {
    if (this.#few) for (const slot of this.#few) setBit(words, slot)
    else for (let at = 0; at < this.#words.length; at++) words[at] = (words[at] ?? 0) | (this.#words[at] ?? 0)
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#few ? this.#few.values() : slotsIn(this.#words)
  }

  #becomeMany(few: ReadonlySet<number>): void {
    this.#few = undefined
    for (const slot of few) this.#set(slot)
  }

  #set(slot: number): void {
    const at = slot >>> 5
    if (at >= this.#words.length) {
      const larger = new Uint32Array(Math.max(at + 1, this.#words.length * 2))
      larger.set(this.#words)
      this.#words = larger
    }
    setBit(this.#words, slot)
  }
}
