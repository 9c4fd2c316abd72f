/** Chance with a seed: the same seed gives the same numbers, and independent streams do not disturb one another. */
import type { Ids } from '#lib/ids.ts'

export interface Random {
  /** In [0, 1). */
  next(): number
  /** An integer in [least, most]. */
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** A stream of its own, the same for the same name whatever was drawn before. */
  fork(name: string): Random
}

/** Mulberry32: small, seedable, and good enough to play fate. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** FNV-1a, so that forks of near seeds are far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

export function createRandom(seed: string): Random {
  const next = mulberry(hashOf(seed))
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[between(0, items.length - 1)]
      if (item === undefined) throw new Error('there is nothing to pick from')
      return item
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}

/** Identifiers out of a seed. */
export function seededIds(random: Random): Ids {
  const hex = (digits: number) => {
    let text = ''
    while (text.length < digits)
      text += Math.floor(random.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0')
    return text.slice(0, digits)
  }
  const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`
  return {
    uuid,
    requestId: () => `req-${uuid()}`,
    secret: (bytes) => Buffer.from(hex(2 * bytes), 'hex').toString('base64url'),
  }
}
