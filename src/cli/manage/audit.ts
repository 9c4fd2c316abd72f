/** Allocations on one provider that no server and no move under way stands behind. */
import { listUnsettledMigrations } from '#db/instance-migrations.ts'
import { listInstanceStates, withLiveOperation } from '#db/operation-subjects.ts'
import { findComputeNode } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import type { PlacementUpkeep } from '#neighbours/placement/index.ts'
import type { Ground } from './command.ts'

/** Whoever holds none of these is not one of Nova's. */
const NOVA_CLASSES = new Set([
  'VCPU',
  'MEMORY_MB',
  'DISK_GB',
  'VGPU',
  'NET_BW_EGR_KILOBIT_PER_SEC',
  'NET_BW_IGR_KILOBIT_PER_SEC',
  'PCPU',
  'MEM_ENCRYPTION_CONTEXT',
])

type Provider = Awaited<ReturnType<PlacementUpkeep['providers']>>[number]

export interface AuditOptions {
  readonly remove: boolean
  readonly output: (line: string) => void
}

/** How many allocations were orphaned, and how many of them could not be removed. */
export async function auditProvider(
  ground: Ground,
  provider: Provider,
  { remove, output }: AuditOptions,
): Promise<{ found: number; failed: number }> {
  const placement = ground.placement()
  // Read first: what is claimed after this cannot look like an orphan.
  const held = Object.entries(await placement.allocationsOn(provider.uuid)).filter(([, amounts]) =>
    Object.keys(amounts).some((name) => NOVA_CLASSES.has(name)),
  )
  const known = await ownersOn(
    ground,
    provider,
    held.map(([consumer]) => consumer),
    output,
  )
  let [found, failed] = [0, 0]
  for (const [consumer, amounts] of held) {
    if (known.has(consumer)) continue
    output(
      `Allocations were set against consumer UUID ${consumer} but no existing instances or active migrations are related. `,
    )
    const what = `for consumer UUID ${consumer} on Resource Provider ${provider.uuid}`
    if (!remove) output(`Allocations ${what} can be deleted: ${JSON.stringify(amounts)}`)
    else if (await removeFrom(placement, consumer, provider.uuid))
      output(`Deleted allocations ${what}: ${JSON.stringify(amounts)}`)
    else {
      ground.say(`Not able to delete allocations for consumer UUID ${consumer}`)
      failed += 1
      continue
    }
    found += 1
  }
  return { found, failed }
}

/** The consumers that may be there: servers on the node, servers that are worked on, moves that are not settled. */
async function ownersOn(
  ground: Ground,
  provider: Provider,
  consumers: readonly string[],
  output: (line: string) => void,
): Promise<ReadonlySet<string>> {
  const db = ground.database().typed<NovaDb>()
  const node = await findComputeNode(db, provider.rootUuid)
  if (!node) output(`The compute node for UUID ${provider.rootUuid} can not be found`)
  const here = (await listInstanceStates(db, consumers)).filter(
    ({ deleted, host }) => !deleted && host !== null && host === node?.host,
  )
  const moves = await listUnsettledMigrations(db, consumers)
  const busy = await withLiveOperation(db, consumers)
  return new Set([...here.map(({ uuid }) => uuid), ...moves.map(({ uuid }) => uuid), ...busy])
}

/** What the consumer holds on other providers stays. */
async function removeFrom(placement: PlacementUpkeep, consumer: string, provider: string): Promise<boolean> {
  const holding = await placement.holdingOf(consumer)
  const { [provider]: gone, ...rest } = holding.allocations
  return gone === undefined || placement.replace(consumer, { ...holding, allocations: rest })
}
