/**
 * Why there is no host, in a sentence for the user who asked: numbers and reasons, but no host's name.
 * Asking further is dear and happens only when there is bad news to tell.
 */
import type { Refusal } from '#contracts/scheduler.ts'
import type { ComputeNode } from '#model/host/index.ts'
import type { CandidateQuery, PlacementClient } from '#neighbours/placement/port.ts'
import type { Filter } from './filters/index.ts'
import type { SchedulingRequest } from './request.ts'
import type { Snapshot } from './snapshot.ts'

const NOT_ENOUGH = 'There are not enough hosts available'

export const noHostsAtAll = (): string => `${NOT_ENOUGH}: no compute host has registered.`

/** Placement proposed hosts, and every one of them was refused. */
export function explainRefusals(
  refusals: readonly Refusal[],
  filters: readonly Filter[],
  request: SchedulingRequest,
): string {
  const parts = filters.flatMap((filter) => {
    const count = refusals.filter((refusal) => refusal.by === filter.name).length
    return count === 0 ? [] : [filter.tell(count, request)]
  })
  const hosts = new Set(refusals.map((refusal) => refusal.host)).size
  const have = hosts === 1 ? '1 host has' : `${hosts} hosts have`
  return `${NOT_ENOUGH}: ${have} room for it, but of these ${parts.join(', ')}.`
}

/** Others took what was free, again and again, while we chose. */
export const explainLostRaces = (): string =>
  `${NOT_ENOUGH}: other requests took what was free at the same moment. Please try again.`

/** Placement refused the question itself. */
export const explainRefusedQuery = (why: string): string => `${NOT_ENOUGH}: ${why}`

/** A Placement that may say itself what is lacking. */
export type Proposing = Pick<PlacementClient, 'candidates' | 'whatIsLacking'>

/** Placement proposed none: says which resource is short, and by how much. */
export async function explainShortage(
  placement: Proposing,
  query: CandidateQuery,
  snapshot: Snapshot,
): Promise<string> {
  const nodes = [...snapshot.hosts.values()].map(({ node }) => node)
  if (nodes.length === 0) return noHostsAtAll()
  const short: string[] = []
  for (const [name, amount] of Object.entries(query.resources)) {
    const reason = tooLarge(name, amount, nodes) ?? (await tooMuch(placement, query, name, amount))
    if (reason !== undefined) short.push(reason)
  }
  if (short.length > 0) return `${NOT_ENOUGH}: ${short.join('; ')}.`
  return `${NOT_ENOUGH}: ${await whatElse(placement, query)}.`
}

/** What a node has of a class, and the ratio at which it is given out. */
const TOTALS: Readonly<Record<string, (node: ComputeNode) => { total: number; ratio: number }>> = {
  VCPU: (node) => ({ total: node.vcpus, ratio: node.cpuAllocationRatio }),
  MEMORY_MB: (node) => ({ total: node.memoryMb, ratio: node.ramAllocationRatio }),
  DISK_GB: (node) => ({ total: node.localGb, ratio: node.diskAllocationRatio }),
}

/** No server may have more of a class than the whole of a host, whatever the ratio. */
function tooLarge(name: string, amount: number, nodes: readonly ComputeNode[]): string | undefined {
  const totals = TOTALS[name]
  if (!totals) return undefined
  const largest = nodes
    .map((node) => totals(node))
    .reduce((best, each) => (each.total > best.total ? each : best))
  if (amount <= largest.total) return undefined
  return `${name}: ${amount} requested, the largest host has ${largest.total} (allocation ratio ${largest.ratio})`
}

async function tooMuch(
  placement: Pick<PlacementClient, 'candidates'>,
  query: CandidateQuery,
  name: string,
  amount: number,
): Promise<string | undefined> {
  const { providers } = await placement.candidates({ ...withoutTraits(query), resources: { [name]: 1 } })
  const rooms = Object.values(providers).flatMap(({ resources }) => resources[name] ?? [])
  if (rooms.length === 0) return `${name}: ${amount} requested, no host has any free`
  const best = rooms.reduce((most, each) =>
    each.capacity - each.used > most.capacity - most.used ? each : most,
  )
  const free = best.capacity - best.used
  if (amount <= free) return undefined
  return `${name}: ${amount} requested, at most ${free} is free on one host (${best.used} of ${best.capacity} used)`
}

const withoutTraits = (query: CandidateQuery): CandidateQuery => ({
  ...query,
  requiredTraits: [],
  forbiddenTraits: [],
})

async function whatElse(placement: Proposing, query: CandidateQuery): Promise<string> {
  const lack = await placement.whatIsLacking?.(query)
  if (lack) {
    const hosts = lack.trees === 1 ? '1 host' : `${lack.trees} hosts`
    return `of ${hosts} that could do with the rest of it, none ${lack.lacking}`
  }
  const wanted = Object.entries(query.resources)
    .map(([name, amount]) => `${name}: ${amount}`)
    .join(', ')
  const { candidates } = await placement.candidates({ ...withoutTraits(query), limit: 1 })
  if (candidates.length === 0) return `no single host has room for all of it at once (${wanted})`
  const traits = [...query.requiredTraits, ...query.forbiddenTraits.map((trait) => `not ${trait}`)]
  return `no host with room for it has the traits it needs (${traits.join(', ')})`
}
