/** What candidates take in all, compared with what was asked for. */
import type { Ask, Reply } from './client.ts'
import { settled } from './compare.ts'

type Amounts = Readonly<Record<string, number>>
type Taken = Readonly<Record<string, { readonly resources: Amounts }>>
type TakenList = readonly {
  readonly resource_provider: { readonly uuid: string }
  readonly resources: Amounts
}[]

interface Candidate {
  readonly allocations: Taken | TakenList
  readonly mappings?: unknown
}

const candidatesOf = (reply: Reply): readonly Candidate[] =>
  (reply.json as { allocation_requests?: readonly Candidate[] } | undefined)?.allocation_requests ?? []

/** Amounts by provider. */
export const takenOf = ({ allocations }: Candidate): readonly (readonly [string, Amounts])[] =>
  Array.isArray(allocations)
    ? (allocations as TakenList).map((each) => [each.resource_provider.uuid, each.resources])
    : Object.entries(allocations as Taken).map(([uuid, each]) => [uuid, each.resources])

function sumOf(all: readonly Amounts[]): string {
  const sums = new Map<string, number>()
  for (const amounts of all)
    for (const [name, amount] of Object.entries(amounts)) sums.set(name, (sums.get(name) ?? 0) + amount)
  return JSON.stringify([...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whom a candidate takes which classes from, without the amounts. */
const shapeOf = (candidate: Candidate): string =>
  JSON.stringify([
    takenOf(candidate)
      .map(([uuid, amounts]) => `${uuid} ${Object.keys(amounts).sort().join()}`)
      .sort(),
    settled(candidate.mappings),
  ])

/** By parameter; of one that is there twice the last counts. */
export const askedOf = ({ path }: Ask): ReadonlyMap<string, Amounts> =>
  new Map(
    [...new URLSearchParams(path.split('?')[1])]
      .filter(([name]) => name.startsWith('resources'))
      .map(([name, value]) => [
        name,
        Object.fromEntries(
          value.split(',').map((part) => [part.split(':')[0] ?? '', Number(part.split(':')[1])]),
        ),
      ]),
  )

/**
 * Whether each of our candidates takes exactly what was asked for, one of theirs does not or is missing, and
 * theirs take from nobody but ours do.
 */
export function addsUp(ask: Ask, { ours, theirs }: { ours: Reply; theirs: Reply }): boolean {
  const asked = [...askedOf(ask).values()]
  const classes = asked.flatMap((amounts) => Object.keys(amounts))
  if (new Set(classes).size === classes.length) return false
  const wanted = sumOf(asked)
  const takes = (candidate: Candidate): string => sumOf(takenOf(candidate).map(([, amounts]) => amounts))
  const shapes = new Set(candidatesOf(ours).map(shapeOf))
  return (
    candidatesOf(ours).every((candidate) => takes(candidate) === wanted) &&
    (ask.path.includes('limit=') || candidatesOf(theirs).every((candidate) => shapes.has(shapeOf(candidate))))
  )
}
