/** What the run itself keeps down, and since when: how much of a restart was spent waiting for it. */
import { kindOf } from './fleet.ts'

/** What has to be there for a process of a kind to say that it is ready; of our own kinds one member is enough. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'nova-api': ['database', 'broker'],
  'nova-conductor': ['database', 'broker'],
  'nova-scheduler': ['database', 'broker'],
  'nova-compute': ['database', 'broker', 'nova-conductor', 'placement-api'],
  'nova-novncproxy': ['broker'],
  'nova-metadata': ['database'],
  'placement-api': ['database'],
}

interface Span {
  readonly from: number
  to: number
}

export interface Outages {
  /** `what` is a member's name, `database` or `broker`; call what it answers when that is back. */
  begin(what: string): () => void
  /** Of the time since `from`, how many milliseconds something that a member of this kind needs was down. */
  waited(kind: string, from: number): number
}

/** `members`: the names of all that may be struck. */
export function createOutages(
  members: readonly string[],
  now: () => number = () => performance.now(),
): Outages {
  const spans = new Map<string, Span[]>()
  const down = new Map<string, number>()
  const sizeOf = (kind: string): number => members.filter((name) => kindOf(name) === kind).length || 1
  return {
    begin(what) {
      const kind = kindOf(what)
      const known = spans.get(kind) ?? []
      spans.set(kind, known)
      const count = (down.get(kind) ?? 0) + 1
      down.set(kind, count)
      if (count === sizeOf(kind)) known.push({ from: now(), to: Number.POSITIVE_INFINITY })
      return () => {
        const last = known.at(-1)
        if (down.get(kind) === sizeOf(kind) && last) last.to = now()
        down.set(kind, (down.get(kind) ?? 0) - 1)
      }
    },
    waited(kind, from) {
      const until = now()
      const clipped = (NEEDS[kind] ?? [])
        .flatMap((what) => spans.get(what) ?? [])
        .map((span) => ({ from: Math.max(span.from, from), to: Math.min(span.to, until) }))
        .filter((span) => span.to > span.from)
        .sort((a, b) => a.from - b.from)
      let [total, reached] = [0, from]
      for (const span of clipped) {
        total += Math.max(0, span.to - Math.max(span.from, reached))
        reached = Math.max(reached, span.to)
      }
      return total
    },
  }
}
