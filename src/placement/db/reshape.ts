/** Reshaping: inventories and the allocations on them move together, or not at all. */
import { badRequest } from '#lib/fault.ts'
import { replaceAllocations } from './claim.ts'
import type { ConsumerWrite } from './consumers.ts'
import { type Inventory, putInventories, removeOtherInventories } from './inventories.ts'
import {
  bumpGenerations,
  type LockedProvider,
  lockProviders,
  requireGeneration,
  type Trx,
} from './providers.ts'

export interface Reshaped {
  readonly uuid: string
  readonly generation: number
  /** All that the provider has afterwards. */
  readonly inventories: readonly Inventory[]
}

/** Throws `badRequest` (a provider or class that does not exist) or `conflict` (a generation, capacity, or use). */
export async function reshape(
  trx: Trx,
  reshaped: readonly Reshaped[],
  writes: readonly ConsumerWrite[],
  now: number,
): Promise<void> {
  const locked = await lockProviders(trx, { uuids: reshaped.map(({ uuid }) => uuid) })
  const done = foundOf(locked, reshaped)
  // What comes is there before the allocations move, and what goes is empty after.
  for (const { provider, inventories } of done) {
    await putInventories(trx, provider, inventories, now)
    // Inventories change twice: to what was and will be, and to what will be. Generations count both.
    if (inventories.length > 0) await bumpGenerations(trx, [provider.id], now)
  }
  if (writes.length > 0) await replaceAllocations(trx, writes, now)
  for (const { provider, inventories } of done) await removeOtherInventories(trx, provider, inventories)
  await bumpGenerations(
    trx,
    done.map(({ provider }) => provider.id),
    now,
  )
}

/** All providers are looked at before any class is, as in the real service: it tells of the first that fails. */
const foundOf = (locked: readonly LockedProvider[], reshaped: readonly Reshaped[]) => {
  const left = new Map(locked.map((provider) => [provider.uuid, provider]))
  return reshaped.map(({ uuid, generation, inventories }) => {
    const provider = left.get(uuid)
    if (!provider)
      throw badRequest(`Resource provider ${uuid} in inventories not found.`, {
        code: 'placement.resource_provider.not_found',
      })
    requireGeneration(provider, generation)
    // Named once more, in other letters, it would undo what was written for it.
    left.delete(uuid)
    return { provider, inventories }
  })
}
