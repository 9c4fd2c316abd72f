/** The answer for candidates: what was found, and a summary of each provider of the trees concerned. */
import type { FoundCandidate } from './search.ts'
import type { Room, World, WorldProvider } from './world.ts'

export interface ProviderSummary {
  readonly uuid: string
  readonly parentUuid: string | null
  readonly rootUuid: string
  readonly rooms: ReadonlyMap<string, Room>
  readonly traits: readonly string[]
  /** Whether some candidate takes something of it. */
  readonly taken: boolean
}

export interface Candidates {
  readonly found: readonly FoundCandidate[]
  readonly summaries: readonly ProviderSummary[]
}

/** Puts the summaries of all providers of all trees that the candidates touch beside the candidates. */
export function assemble(world: World, found: readonly FoundCandidate[]): Candidates {
  const taken = new Set<WorldProvider>(found.flatMap((candidate) => [...candidate.taken.keys()]))
  const mapped = found.flatMap((candidate) => [...candidate.mappings.values()].flat())
  const roots = new Set([...taken, ...mapped].map((provider) => provider.rootId))
  const uuidOf = (id: number | null): string | null => (id === null ? null : (world.get(id)?.uuid ?? null))
  const summaries = [...world.values()]
    .filter((provider) => roots.has(provider.rootId))
    .map((provider) => ({
      uuid: provider.uuid,
      parentUuid: uuidOf(provider.parentId),
      rootUuid: uuidOf(provider.rootId) ?? provider.uuid,
      rooms: provider.rooms,
      traits: [...provider.traits].sort(),
      taken: taken.has(provider),
    }))
  return { found, summaries }
}
