/** Placement's candidates as hosts: each with the ways to take from it, and what is free. */
import type { AllocationRequest, Candidate, ProviderSummary } from '#neighbours/placement/port.ts'
import type { CandidateHost } from './request.ts'
import type { Snapshot } from './snapshot.ts'

type Providers = Readonly<Record<string, ProviderSummary>>

/** The hosts of the candidates, in their order, and the providers that are no compute nodes we know. */
export function candidateHosts(
  snapshot: Snapshot,
  candidates: readonly Candidate[],
  providers: Providers,
): { readonly hosts: readonly CandidateHost[]; readonly strangers: readonly string[] } {
  const ways = new Map<string, AllocationRequest[]>()
  const strangers = new Set<string>()
  for (const { allocations } of candidates) {
    const roots = Object.keys(allocations).map((uuid) => providers[uuid]?.rootUuid ?? uuid)
    // A way may also take from a provider that shares with the host, which is no node.
    const node = roots.find((uuid) => snapshot.hosts.has(uuid))
    if (node === undefined) for (const uuid of roots) strangers.add(uuid)
    else ways.set(node, [...(ways.get(node) ?? []), allocations])
  }
  const free = freeOfTrees(providers)
  const hosts = [...ways].flatMap(([uuid, own]) => {
    const state = snapshot.hosts.get(uuid)
    return state ? [{ ...state, ways: own, free: free.get(uuid) ?? {} }] : []
  })
  return { hosts, strangers: [...strangers] }
}

function freeOfTrees(providers: Providers): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const free = new Map<string, Record<string, number>>()
  for (const [uuid, { rootUuid = uuid, resources }] of Object.entries(providers)) {
    const sums = free.get(rootUuid) ?? {}
    free.set(rootUuid, sums)
    for (const [name, { capacity, used }] of Object.entries(resources))
      sums[name] = (sums[name] ?? 0) + capacity - used
  }
  return free
}

/** The host after a way was taken from it. */
export function taking(host: CandidateHost, way: AllocationRequest): CandidateHost {
  const free = { ...host.free }
  for (const { resources } of Object.values(way))
    for (const [name, amount] of Object.entries(resources)) free[name] = (free[name] ?? 0) - amount
  // Whatever is placed is built or moved there: as in Nova, that is one more of both.
  return { ...host, free, servers: host.servers + 1, ioOps: host.ioOps + 1 }
}
