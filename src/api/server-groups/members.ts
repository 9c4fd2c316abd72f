/** How many servers may join a group. */
import type { Quota } from '#api/quotas/index.ts'
import { lockQuota } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { countGroupMembers } from '#db/server-groups.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { Transaction } from 'kysely'

/** Throws the 403 when a user's servers in the group would be too many. To be called in the transaction in which they join. */
export async function requireRoomInGroup(
  trx: Transaction<NovaDb>,
  quota: Quota,
  group: Pick<ServerGroup, 'id'>,
  joining: { readonly userId: string; readonly count: number },
): Promise<void> {
  const { userId, count } = joining
  const limit = quota.limits.server_group_members
  if (limit < 0) return
  await lockQuota(trx, `group ${group.id}`)
  const used = await countGroupMembers(trx, group.id, userId)
  if (used + count > limit)
    throw quota.refusal('Quota exceeded, too many servers in group', [
      { resource: 'server_group_members', used, delta: count },
    ])
}
