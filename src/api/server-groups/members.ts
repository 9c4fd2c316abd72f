/** How many servers may join a group. */
import type { ApiConfig } from '#api/kernel/index.ts'
import { limitsOf } from '#api/quotas/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { countGroupMembers } from '#db/server-groups.ts'
import { forbidden } from '#lib/fault.ts'
import type { ServerGroup } from '#model/server-group/index.ts'
import type { Transaction } from 'kysely'

/** Throws the 403 when a user's servers in the group would be too many. To be called in the transaction in which they join. */
export async function requireRoomInGroup(
  trx: Transaction<NovaDb>,
  config: ApiConfig,
  group: Pick<ServerGroup, 'id' | 'projectId'>,
  joining: { readonly userId: string; readonly count: number },
): Promise<void> {
  const { userId, count } = joining
  const { server_group_members: limit } = await limitsOf(trx, config, { projectId: group.projectId, userId })
  if (limit < 0) return
  if ((await countGroupMembers(trx, group.id, userId)) + count > limit)
    throw forbidden('Quota exceeded, too many servers in group')
}
