/**
 * The last word on a server group's policy: said in the transaction that writes down where a server will
 * be, so that schedulers side by side, which do not know of one another's choices, cannot break it.
 */
import { isInServerGroup } from '#db/group-membership.ts'
import { findGroupPlaces, listGroupDestinations, lockServerGroup } from '#db/server-groups.ts'
import type { Trx } from './world.ts'

/** The host that was chosen is not one for this server any more; another choice may be. */
export class GroupPolicyViolated extends Error {
  override readonly name = 'GroupPolicyViolated'

  constructor(policy: string) {
    super(`${policy === 'affinity' ? 'Affinity' : 'Anti-affinity'} instance group policy was violated.`)
  }
}

/** Throws `GroupPolicyViolated` when the server may not be on the host because of others of its group, there or on their way. */
export async function requireGroupPolicy(trx: Trx, instanceUuid: string, host: string): Promise<void> {
  if (!(await isInServerGroup(trx, instanceUuid))) return
  const group = await findGroupPlaces(trx, instanceUuid)
  if (group?.policy !== 'affinity' && group?.policy !== 'anti-affinity') return
  await lockServerGroup(trx, group.id)
  const places = (await findGroupPlaces(trx, instanceUuid)) ?? group
  const coming = await listGroupDestinations(trx, group.id, { except: instanceUuid })
  const taken = [...places.hosts.values(), ...coming].filter((each) => each !== null)
  const here = taken.filter((each) => each === host).length
  const isFine =
    places.policy === 'affinity' ? taken.length === 0 || here > 0 : here < (places.maxServersPerHost ?? 1)
  if (!isFine) throw new GroupPolicyViolated(places.policy)
}
