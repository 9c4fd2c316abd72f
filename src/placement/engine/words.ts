/**
 * Sets of slots as bits, 32 to a word. A slot is where a provider stands in the columns. The functions
 * work on whole sets at once: that is what makes a hundred thousand providers a small number.
 */
export type Words = Uint32Array

/** Where sets for some passing work come from. */
export type Wording = (slots: number) => Words

export const wordsFor = (slots: number): Words => new Uint32Array((slots + 31) >>> 5)

export const hasBit = (words: Words, slot: number): boolean =>
  (((words[slot >>> 5] ?? 0) >>> (slot & 31)) & 1) === 1

export function setBit(words: Words, slot: number): void {
  const at = slot >>> 5
  words[at] = (words[at] ?? 0) | (1 << (slot & 31))
}

/** Leaves in `words` what is in `other` too. */
export function keep(words: Words, other: Words): void {
  for (let at = 0; at < words.length; at++) words[at] = (words[at] ?? 0) & (other[at] ?? 0)
}

/** Takes out of `words` what is in `other`. */
export function drop(words: Words, other: Words): void {
  for (let at = 0; at < words.length; at++) words[at] = (words[at] ?? 0) & ~(other[at] ?? 0)
}

/** The slots of a set, in order. */
export const slotsIn = (words: Words): IterableIterator<number> => new Slots(words)

/** Its own result each time, as a generator's are new ones: a search looks at a hundred thousand slots. */
class Slots implements IterableIterator<number> {
  readonly #words: Words
  #at = -1
  /** What is left of the word. */
  #word = 0
  /** Never anything but a small integer: begun as another number it would be kept as a double, made anew at each look. */
  value = 0
  done = false

  constructor(words: Words) {
    this.#words = words
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): this {
    while (this.#word === 0 && !this.done) {
      // With a sign: without one, half of them would be no small integers, and each a number made anew.
      this.#word = (this.#words[++this.#at] ?? 0) | 0
      this.done = this.#at >= this.#words.length
    }
    this.value = (this.#at << 5) + 31 - Math.clz32(this.#word & -this.#word)
    this.#word &= this.#word - 1
    return this
  }
}
