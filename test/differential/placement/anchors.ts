/**
 * Candidates that the real service loses: it tells apart what its group without suffix may take by what is
 * taken alone, not by the tree it is taken for. What is wholly shared it so remembers for one tree only.
 */
import type { Reply } from './client.ts'
import { settled, stable } from './compare.ts'

interface Candidate {
  readonly mappings?: Readonly<Record<string, readonly string[]>>
}

interface Body {
  readonly allocation_requests: readonly Candidate[]
  readonly provider_summaries: Readonly<Record<string, { readonly root_provider_uuid?: string }>>
}

const bodyOf = (reply: Reply): Body | undefined =>
  (reply.json as Partial<Body> | undefined)?.allocation_requests && (reply.json as Body)

/** Whether nothing of the group without suffix comes from a tree that a suffixed group takes from. */
function isWhollyShared({ mappings = {} }: Candidate, body: Body): boolean {
  const rootOf = (uuid: string): string => body.provider_summaries[uuid]?.root_provider_uuid ?? uuid
  const { '': shared = [], ...suffixed } = mappings
  const roots = new Set(Object.values(suffixed).flat().map(rootOf))
  return shared.length > 0 && roots.size > 0 && shared.every((uuid) => !roots.has(rootOf(uuid)))
}

/** Whether all that ours have more is wholly shared, and theirs have nothing more. */
export function losesShared({ ours, theirs }: { readonly ours: Reply; readonly theirs: Reply }): boolean {
  const [a, b] = [bodyOf(ours), bodyOf(theirs)]
  if (!a || !b) return false
  const keys = (body: Body) => new Set(body.allocation_requests.map((each) => stable(settled(each))))
  const [known, own] = [keys(b), keys(a)]
  const more = a.allocation_requests.filter((each) => !known.has(stable(settled(each))))
  return (
    more.length > 0 &&
    more.every((each) => isWhollyShared(each, a)) &&
    [...known].every((key) => own.has(key))
  )
}
