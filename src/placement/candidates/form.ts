/**
 * JSON with gaps. What many values look alike in is put into words once, as an example with gaps; for each
 * of them only what differs is filled in, and all of it is written as bytes at once. An answer of a hundred
 * hosts, each with thirty traits, leaves the garbage collector next to nothing that way.
 */

/** A text that grows, as the bytes of its UTF-8. */
export class Utf8Text {
  #bytes: Buffer
  #length = 0

  /** `expected` bytes are there from the beginning. */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expected)
  }

  add(text: string): void {
    // No unit of a string takes more than three bytes.
    const most = this.#length + 3 * text.length
    if (most > this.#bytes.length) this.#grow(most)
    this.#length += this.#bytes.write(text, this.#length)
  }

  /** What was added. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length))
    larger.set(this.bytes())
    this.#bytes = larger
  }
}

/** Stands in an example for a string that differs, and must need no escapes. No name that is told looks like it. */
export const textGap = (number: number): string => `<${number}>`

/** Stands in an example for a number that differs. */
export const numberGap = (number: number): string => `<#${number}>`

export class Form {
  readonly #texts: readonly string[]
  readonly #gaps: readonly number[]

  constructor(example: unknown) {
    const text = JSON.stringify(example).replaceAll(/"<#(\d+)>"/g, '<$1>')
    const pieces = text.split(/<(\d+)>/)
    this.#texts = pieces.filter((_, at) => at % 2 === 0)
    this.#gaps = pieces.filter((_, at) => at % 2 === 1).map(Number)
  }

  /** Adds it to the text, with what `fill` says in each gap. */
  tell(text: Utf8Text, fill: (gap: number) => string): void {
    const last = this.#gaps.length
    for (let at = 0; at < last; at++) {
      text.add(this.#texts[at] ?? '')
      text.add(fill(this.#gaps[at] ?? 0))
    }
    text.add(this.#texts[last] ?? '')
  }
}
