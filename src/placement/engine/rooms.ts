/** All inventories as columns: what a provider can give of a class, and how much of it is used. A row belongs to one provider; its rows are a chain. */
import { NONE, roomFor } from './columns.ts'

export interface Room {
  readonly resourceClass: string
  readonly capacity: number
  readonly used: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
}

export class Rooms {
  #next = new Int32Array(0)
  #class = new Int32Array(0)
  #capacity = new Float64Array(0)
  #used = new Float64Array(0)
  #minUnit = new Int32Array(0)
  #maxUnit = new Int32Array(0)
  #stepSize = new Int32Array(0)
  #count = 0
  #free = NONE

  /** Puts a row before the chain that begins with `first`; answers the chain's new beginning. */
  insert(first: number, classIndex: number, room: Omit<Room, 'resourceClass'>): number {
    const row = this.#free === NONE ? this.#count++ : this.#free
    if (row === this.#free) this.#free = this.#next[row] ?? NONE
    this.#grow(row)
    this.#next[row] = first
    this.#class[row] = classIndex
    this.#capacity[row] = room.capacity
    this.#used[row] = room.used
    this.#minUnit[row] = room.minUnit
    this.#maxUnit[row] = room.maxUnit
    this.#stepSize[row] = room.stepSize
    return row
  }

  /** Takes a whole chain away. */
  remove(first: number): void {
    for (let row = first; row !== NONE; ) {
      const next = this.next(row)
      this.#next[row] = this.#free
      this.#free = row
      row = next
    }
  }

  /** The row of a class in a chain, or NONE. */
  find(first: number, classIndex: number): number {
    let row = first
    while (row !== NONE && this.#class[row] !== classIndex) row = this.next(row)
    return row
  }

  next(row: number): number {
    return this.#next[row] ?? NONE
  }

  classOf(row: number): number {
    return this.#class[row] ?? NONE
  }

  capacity(row: number): number {
    return this.#capacity[row] ?? 0
  }

  used(row: number): number {
    return this.#used[row] ?? 0
  }

  maxUnit(row: number): number {
    return this.#maxUnit[row] ?? 0
  }

  show(row: number): Pick<Room, 'capacity' | 'used'> {
    return { capacity: this.capacity(row), used: this.used(row) }
  }

  setUsed(row: number, used: number): void {
    this.#used[row] = used
  }

  /** Whether `amount` more fits, by itself and as a unit. */
  fits(row: number, amount: number): boolean {
    return (
      row !== NONE &&
      this.used(row) + amount <= this.capacity(row) &&
      amount >= (this.#minUnit[row] ?? 0) &&
      amount <= this.maxUnit(row) &&
      amount % (this.#stepSize[row] ?? 1) === 0
    )
  }

  #grow(row: number): void {
    this.#next = roomFor(this.#next, row)
    this.#class = roomFor(this.#class, row)
    this.#capacity = roomFor(this.#capacity, row)
    this.#used = roomFor(this.#used, row)
    this.#minUnit = roomFor(this.#minUnit, row)
    this.#maxUnit = roomFor(this.#maxUnit, row)
    this.#stepSize = roomFor(this.#stepSize, row)
  }
}
