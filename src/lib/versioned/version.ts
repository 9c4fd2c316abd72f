/** Microversions as comparable numbers, and inclusive ranges of them. */

/** `2.104` is 2_104_000ths: major × 100,000 + minor, so that versions compare as numbers. */
export type Version = number

const MAJOR = 100_000
const FORMAT = /^([1-9]\d*)\.([1-9]\d*|0)$/

/** A version as people write it; undefined when it is not `major.minor`. */
export function readVersion(text: string): Version | undefined {
  const match = FORMAT.exec(text)
  if (!match) return undefined
  return Number(match[1]) * MAJOR + Math.min(Number(match[2]), MAJOR - 1)
}

/** A version written in a spec; throws when it is not one, which is a defect of the spec. */
export function versionOf(text: string): Version {
  const version = readVersion(text)
  if (version === undefined) throw new Error(`${text} is not a version`)
  return version
}

export const formatVersion = (version: Version): string => `${Math.floor(version / MAJOR)}.${version % MAJOR}`

/** Inclusive; open ends are `-Infinity` and `Infinity`. */
export interface Range {
  readonly from: Version
  readonly to: Version
}

export const ALWAYS: Range = { from: -Infinity, to: Infinity }

/** `2.19..`, `..2.36`, `2.10..2.34`, or one version alone. */
export function rangeOf(text: string): Range {
  const [first = '', last] = text.split('..')
  if (last === undefined) return { from: versionOf(first), to: versionOf(first) }
  const range = {
    from: first === '' ? -Infinity : versionOf(first),
    to: last === '' ? Infinity : versionOf(last),
  }
  if (range.from > range.to) throw new Error(`${text} is an empty range`)
  return range
}

export const includes = (range: Range, version: Version): boolean =>
  range.from <= version && version <= range.to

export const intersect = (a: Range, b: Range): Range => ({
  from: Math.max(a.from, b.from),
  to: Math.min(a.to, b.to),
})

export const overlap = (a: Range, b: Range): boolean => a.from <= b.to && b.from <= a.to

/** Where the shape may change: the first version of the range, and the first after it. */
export const edgesOf = (range: Range): Version[] => [
  ...(range.from === -Infinity ? [] : [range.from]),
  ...(range.to === Infinity ? [] : [range.to + 1]),
]

/** Fails when two of the ranges share a version: `what` names the thing declared. */
export function refuseOverlaps(what: string, ranges: readonly Range[]): void {
  const sorted = ranges.toSorted((a, b) => a.from - b.from)
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1]
    if (next && overlap(range, next))
      throw new Error(`${what}: the version ranges overlap at ${formatVersion(next.from)}`)
  }
}

/**
 * Something that is made once for each interval of constant shape, when it is first asked for.
 * `edges` are the versions at which a new shape begins.
 */
export function perInterval<T>(
  edges: readonly Version[],
  make: (version: Version) => T,
): (version: Version) => T {
  const sorted = [...new Set(edges)].sort((a, b) => a - b)
  const made: (T | undefined)[] = []
  return (version) => {
    let interval = 0
    while (interval < sorted.length && (sorted[interval] as number) <= version) interval += 1
    return (made[interval] ??= make(version))
  }
}
