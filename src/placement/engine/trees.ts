/** Which provider is above which, and the members of each tree as a chain that begins with its root. Slots in, slots out. */
import { NONE, roomFor } from './columns.ts'

export class Trees {
  #parent = new Int32Array(0)
  #root = new Int32Array(0)
  #next = new Int32Array(0)
  #previous = new Int32Array(0)

  /** NONE of a root. */
  parentOf(slot: number): number {
    return this.#parent[slot] ?? NONE
  }

  rootOf(slot: number): number {
    return this.#root[slot] ?? NONE
  }

  /** The member after this one in the tree's chain, or NONE. */
  after(slot: number): number {
    return this.#next[slot] ?? NONE
  }

  /** Puts a provider into its tree, or elsewhere in it. A root must be there before its members. */
  place(slot: number, parent: number, root: number): void {
    this.#grow(slot)
    this.#parent[slot] = parent
    if (this.#root[slot] === root) return
    this.#root[slot] = root
    if (slot === root) return
    const next = this.after(root)
    this.#next[root] = slot
    this.#previous[slot] = root
    this.#next[slot] = next
    if (next !== NONE) this.#previous[next] = slot
  }

  /** Takes a provider out of its tree. When the root goes, all members must go or be placed elsewhere too. */
  remove(slot: number): void {
    if (this.rootOf(slot) === NONE) return
    const next = this.after(slot)
    const previous = this.#previous[slot] ?? NONE
    if (previous !== NONE) this.#next[previous] = next
    if (next !== NONE) this.#previous[next] = previous
    this.#reset(slot)
  }

  #reset(slot: number): void {
    this.#parent[slot] = NONE
    this.#root[slot] = NONE
    this.#next[slot] = NONE
    this.#previous[slot] = NONE
  }

  #grow(slot: number): void {
    const before = this.#root.length
    if (slot < before) return
    this.#parent = roomFor(this.#parent, slot)
    this.#root = roomFor(this.#root, slot)
    this.#next = roomFor(this.#next, slot)
    this.#previous = roomFor(this.#previous, slot)
    for (const column of [this.#parent, this.#root, this.#next, this.#previous]) column.fill(NONE, before)
  }
}
