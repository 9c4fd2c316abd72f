/**
 * What answers are found and written with, kept from one to the next: sets of slots, forms, and the memory that the
 * text goes to. Sets and text lie outside of V8's heap, but count: with new ones for each answer of 119 KB, or of a
 * hundred thousand hosts, the whole heap is collected every hundred answers.
 */
import { type Wording, type Words, wordsFor } from '../engine/words.ts'
import { Form } from './form.ts'

/** So many papers are kept, as many as are on their way at a time by most, and no more than so much in all. */
const MOST_PAPERS = 8
const MOST_PAPER_BYTES = 8 * 1024 * 1024
/** What the plan of some twenty groups takes. */
const MOST_WORDS = 64
/** Of a few kinds of hosts, and of what flavors ask for. */
const MOST_FORMS = 256
const LONGEST_FORM = 16_384

export class Desk {
  readonly #words: Words[] = []
  readonly #papers: Buffer[] = []
  readonly #forms = new Map<string, Form>()

  /** Does what needs sets of slots: those that it is given are its own only until it is done. */
  withWords<T>(work: (wording: Wording) => T): T {
    const taken: Words[] = []
    try {
      return work((slots) => {
        const words = this.#empty(slots)
        taken.push(words)
        return words
      })
    } finally {
      this.#words.push(...taken.slice(0, MOST_WORDS - this.#words.length))
    }
  }

  #empty(slots: number): Words {
    const words = this.#words.pop()
    // A world that has grown needs longer ones.
    return words?.length === (slots + 31) >>> 5 ? words.fill(0) : wordsFor(slots)
  }

  /** At least `bytes` long; what it holds is anything. */
  paper(bytes: number): Buffer {
    const at = this.#papers.findIndex(({ length }) => length >= bytes)
    const [paper = Buffer.allocUnsafeSlow(bytes)] = at < 0 ? [] : this.#papers.splice(at, 1)
    return paper
  }

  /** Nobody may look at it any more. */
  giveBack(paper: Buffer): void {
    const bytes = this.#papers.reduce((sum, { length }) => sum + length, paper.length)
    if (this.#papers.length < MOST_PAPERS && bytes <= MOST_PAPER_BYTES) this.#papers.push(paper)
  }

  /** The form of an example: the same one for the same example. */
  form(example: unknown): Form {
    const json = JSON.stringify(example)
    const known = this.#forms.get(json)
    if (known) return known
    const form = new Form(json)
    if (this.#forms.size >= MOST_FORMS) this.#forms.clear()
    if (json.length <= LONGEST_FORM) this.#forms.set(json, form)
    return form
  }
}
