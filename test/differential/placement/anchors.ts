/**
 * Candidates that the real service loses: it tells apart what its group without suffix may take by what is
 * taken alone, not by the tree it is taken for. What sharing providers give it remembers for one tree only,
 * be it their own.
 */
import { askedOf, takenOf } from './amounts.ts'
import type { Ask, Reply } from './client.ts'
import { isLimited, settled, stable } from './compare.ts'

type Candidate = Parameters<typeof takenOf>[0]

interface Body {
  readonly allocation_requests: readonly Candidate[]
  readonly provider_summaries: Readonly<Record<string, { readonly traits?: readonly string[] }>>
}

const bodyOf = (reply: Reply): Body | undefined =>
  (reply.json as Partial<Body> | undefined)?.allocation_requests && (reply.json as Body)

/** Whether sharing providers may have given all of these classes. */
function isWhollyShared(candidate: Candidate, body: Body, classes: readonly string[]): boolean {
  const sharing = takenOf(candidate).filter(([uuid]) =>
    body.provider_summaries[uuid]?.traits?.includes('MISC_SHARES_VIA_AGGREGATE'),
  )
  return classes.every((name) => sharing.some(([, amounts]) => name in amounts))
}

/** Whether all that ours have more is wholly shared, and theirs have nothing more. */
export function losesShared(
  ask: Ask,
  { ours, theirs }: { readonly ours: Reply; readonly theirs: Reply },
): boolean {
  const [a, b] = [bodyOf(ours), bodyOf(theirs)]
  const unsuffixed = Object.keys(askedOf(ask).get('resources') ?? {})
  if (!a || !b || unsuffixed.length === 0) return false
  const keys = (body: Body) => new Set(body.allocation_requests.map((each) => stable(settled(each))))
  const [known, own] = [keys(b), keys(a)]
  const more = a.allocation_requests.filter((each) => !known.has(stable(settled(each))))
  return (
    more.length > 0 &&
    more.every((each) => isWhollyShared(each, a, unsuffixed)) &&
    (isLimited(ask) || [...known].every((key) => own.has(key)))
  )
}
