/** Chance that can be repeated: the same seed gives the same picks. */

export interface Chance {
  /** From 0 up to, and without, 1. */
  next(): number
  /** A whole number from `from` to `to`. */
  between(from: number, to: number): number
  pick<T>(items: readonly T[]): T
  /** True once in `n` times. */
  oneIn(n: number): boolean
  /** At most `most` of the items, each once; in a random order. */
  some<T>(items: readonly T[], most: number): T[]
  /** By weight. */
  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T
  uuid(): string
}

/** Mulberry32: small, and good enough to pick with. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  const pick = <T>(items: readonly T[]): T => items[between(0, items.length - 1)] as T
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => between(0, 15).toString(16)).join('')
  return {
    next,
    between,
    pick,
    oneIn: (n) => next() * n < 1,
    some<T>(items: readonly T[], most: number): T[] {
      const left = [...items]
      const taken: T[] = []
      for (let wanted = between(0, Math.min(most, items.length)); wanted > 0; wanted -= 1)
        taken.push(...left.splice(between(0, left.length - 1), 1))
      return taken
    },
    weighted<T>(choices: readonly (readonly [number, T])[]): T {
      let left = next() * choices.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, value] of choices) {
        left -= weight
        if (left < 0) return value
      }
      throw new Error('nothing to choose from')
    },
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  }
}
