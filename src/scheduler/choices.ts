/**
 * Hosts that were chosen a moment ago. The database tells only later that a server is there; until then it counts all
 * the same, where a limit of servers is to hold. Schedulers side by side do not know of one another.
 */
import type { Clock } from '#lib/clock.ts'

/** A host that was chosen is in the database by then, or will not be. */
const CHOSEN_MS = 10_000

export interface Choices {
  chose(instanceUuid: string, host: string): void
  /** How many servers are on their way to each host. One question, about those that are. */
  underWay(): Promise<ReadonlyMap<string, number>>
}

export function createChoices(
  clock: Pick<Clock, 'now'>,
  hostsOf: (instanceUuids: readonly string[]) => Promise<ReadonlyMap<string, string>>,
): Choices {
  const chosen = new Map<string, { readonly host: string; readonly at: number }>()

  const forgetOld = (): void => {
    for (const [uuid, { at }] of chosen) if (clock.now() - at > CHOSEN_MS) chosen.delete(uuid)
  }
  return {
    chose: (instanceUuid, host) => void chosen.set(instanceUuid, { host, at: clock.now() }),
    async underWay() {
      forgetOld()
      const counts = new Map<string, number>()
      if (chosen.size === 0) return counts
      const asked = [...chosen]
      const known = await hostsOf(asked.map(([uuid]) => uuid))
      for (const [uuid, choice] of asked) {
        const { host } = choice
        if (known.get(uuid) !== host) counts.set(host, (counts.get(host) ?? 0) + 1)
        else if (chosen.get(uuid) === choice) chosen.delete(uuid)
      }
      return counts
    },
  }
}
