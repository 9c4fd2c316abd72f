/**
 * Server groups, as far as choosing a host is concerned: where the others of the group are. Requests for
 * one group are answered one after another, and each knows where those before it will be, which the
 * database tells only a moment later. Schedulers side by side do not know of one another: the conductor
 * looks again when it writes the host down.
 */
import type { Kysely } from 'kysely'
import { isInServerGroup } from '#db/group-membership.ts'
import type { NovaDb } from '#db/schema.ts'
import { findGroupPlaces, type GroupPlaces } from '#db/server-groups.ts'
import type { Clock } from '#lib/clock.ts'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import type { GroupSight } from './request.ts'

/** A host that was chosen is in the database by then, or will not be. */
const CHOSEN_MS = 10_000

interface Chosen {
  readonly host: string
  readonly at: number
}

/** Runs `choose` with what is to be known of the servers' group, and remembers what it answers. */
export type WithGroup = <
  T extends { readonly selections: readonly (readonly { readonly host: string }[])[] },
>(
  instanceUuids: readonly string[],
  choose: (group: GroupSight | undefined) => Promise<T>,
) => Promise<T>

export function createGroups({
  db,
  clock,
}: {
  readonly db: Kysely<NovaDb>
  readonly clock: Clock
}): WithGroup {
  const lock = createKeyedLock()
  const chosen = new Map<string, Chosen>()

  const forgetOld = (): void => {
    for (const [uuid, { at }] of chosen) if (clock.now() - at > CHOSEN_MS) chosen.delete(uuid)
  }

  return async (instanceUuids, choose) => {
    const [first = ''] = instanceUuids
    const group = (await isInServerGroup(db, first)) ? await findGroupPlaces(db, first) : undefined
    if (!group) return choose(undefined)
    return lock.run(String(group.id), async () => {
      forgetOld()
      const places = (await findGroupPlaces(db, first)) ?? group
      const selection = await choose(sightOf(places, instanceUuids, chosen))
      for (const [index, uuid] of instanceUuids.entries()) {
        const host = selection.selections[index]?.[0]?.host
        if (host !== undefined) chosen.set(uuid, { host, at: clock.now() })
      }
      return selection
    })
  }
}

function sightOf(
  { policy, maxServersPerHost, hosts }: GroupPlaces,
  placing: readonly string[],
  chosen: ReadonlyMap<string, Chosen>,
): GroupSight {
  const onHost = new Map<string, number>()
  for (const [uuid, known] of hosts) {
    const host = known ?? chosen.get(uuid)?.host
    if (host !== undefined && !placing.includes(uuid)) onHost.set(host, (onHost.get(host) ?? 0) + 1)
  }
  return { policy, maxServersPerHost: maxServersPerHost ?? 1, onHost }
}

/** The group when one more of its servers is on a host. */
export const joinedBy = (group: GroupSight, host: string): GroupSight => ({
  ...group,
  onHost: new Map(group.onHost).set(host, (group.onHost.get(host) ?? 0) + 1),
})
