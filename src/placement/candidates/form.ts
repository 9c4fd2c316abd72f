/**
 * JSON with gaps. What many values look alike in is put into words once, as an example with gaps; for each
 * of them only what differs is filled in, and all of it is written as bytes at once. An answer of a hundred
 * hosts, each with thirty traits, leaves the garbage collector next to nothing that way.
 */

const ZERO = 48

/** A text that grows, as the bytes of its UTF-8. */
export class Utf8Text {
  #bytes: Buffer
  #length = 0

  /** Written to `paper`, and on when that is full to some of its own. */
  constructor(paper: Buffer) {
    this.#bytes = paper
  }

  /** A text in bytes already. */
  add(bytes: Uint8Array): void {
    this.#need(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Short ones, of ASCII: byte by byte that is quicker than a call of Node's. */
  addAscii(text: string): void {
    const { length } = text
    this.#need(length)
    const bytes = this.#bytes
    const begin = this.#length
    for (let at = 0; at < length; at++) bytes[begin + at] = text.charCodeAt(at)
    this.#length = begin + length
  }

  /** As JSON has it. */
  addNumber(value: number): void {
    if ((value | 0) === value && value >= 0) this.#addDigits(value)
    else this.addAscii(String(value))
  }

  /** What was added. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What it is written to now. */
  get paper(): Buffer {
    return this.#bytes
  }

  #addDigits(value: number): void {
    let digits = 1
    for (let left = value; left > 9; left = (left / 10) | 0) digits++
    this.#need(digits)
    const bytes = this.#bytes
    let left = value
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const tenth = (left / 10) | 0
      bytes[at] = ZERO + left - 10 * tenth
      left = tenth
    }
    this.#length += digits
  }

  #need(more: number): void {
    const least = this.#length + more
    if (least <= this.#bytes.length) return
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
  readonly #texts: readonly Uint8Array[]
  readonly #gaps: readonly number[]

  /** Of an example's JSON. */
  constructor(example: string) {
    const pieces = example.replaceAll(/"<#(\d+)>"/g, '<$1>').split(/<(\d+)>/)
    this.#texts = pieces.filter((_, at) => at % 2 === 0).map((piece) => Buffer.from(piece))
    this.#gaps = pieces.filter((_, at) => at % 2 === 1).map(Number)
  }

  /** Adds it to the text; `fill` adds what stands in a gap. */
  tell(text: Utf8Text, fill: (gap: number) => void): void {
    const last = this.#gaps.length
    for (let at = 0; at < last; at++) {
      text.add(this.#texts[at] ?? NOTHING)
      fill(this.#gaps[at] ?? 0)
    }
    text.add(this.#texts[last] ?? NOTHING)
  }
}

const NOTHING = new Uint8Array(0)
