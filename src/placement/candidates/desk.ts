/**
 * What answers are written with, kept from one to the next: forms, and the memory that the text goes to. That
 * lies outside of V8's heap, but counts: with some of its own for each answer of 119 KB, the whole heap is collected
 * every hundred answers.
 */
import { Form } from './form.ts'

/** So many papers are kept, as many as are on their way at a time by most. */
const MOST_PAPERS = 8
/** Larger ones are rare and are let go. */
const LARGEST_PAPER = 512 * 1024
/** Of a few kinds of hosts, and of what flavors ask for. */
const MOST_FORMS = 256
const LONGEST_FORM = 16_384

export class Desk {
  readonly #papers: Buffer[] = []
  readonly #forms = new Map<string, Form>()

  /** At least `bytes` long; what it holds is anything. */
  paper(bytes: number): Buffer {
    const last = this.#papers.pop()
    return last !== undefined && last.length >= bytes ? last : Buffer.allocUnsafeSlow(bytes)
  }

  /** Nobody may look at it any more. */
  giveBack(paper: Buffer): void {
    if (this.#papers.length < MOST_PAPERS && paper.length <= LARGEST_PAPER) this.#papers.push(paper)
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
