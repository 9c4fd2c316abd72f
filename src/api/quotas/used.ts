/** How much is used of what is limited: counted when asked. */
import type { Services } from '#api/kernel/index.ts'
import { countInstances } from '#db/instances.ts'
import { countKeyPairs } from '#db/keypairs.ts'
import type { NovaDb } from '#db/schema.ts'
import { countServerGroups } from '#db/server-groups.ts'
import { byResource } from './limits.ts'
import type { Used } from './quota-set.view.ts'

/**
 * What a project uses, or one user in it. What is not counted by project is 0: items of one server, members
 * of one group, and key pairs, which are a user's. Where nothing is limited nothing is counted (-1).
 */
export async function usedOf(
  { db, config, placement }: Services,
  of: { readonly projectId: string; readonly userId?: string | undefined },
): Promise<Used> {
  if (config.quotaDriver === 'none') return byResource(() => -1)
  const nova = db.typed<NovaDb>()
  const { projectId } = of
  // Keystone limits projects, not their users.
  const userId = config.quotaDriver === 'keystone' ? undefined : of.userId
  const owner = { projectId, ...(userId !== undefined && { userId }) }
  const { instances, cores, ramMb } = await countInstances(nova, owner)
  const held = config.quotaDriver === 'keystone' ? await placement.usagesOf(projectId) : undefined
  return {
    ...byResource(() => 0),
    instances,
    cores: held ? (held['VCPU'] ?? 0) : cores,
    ram: held ? (held['MEMORY_MB'] ?? 0) : ramMb,
    key_pairs: userId === undefined ? 0 : await countKeyPairs(nova, userId),
    server_groups: await countServerGroups(nova, owner),
  }
}
