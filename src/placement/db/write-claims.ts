/** Writes claims that have been checked: a fixed number of statements, however many they are. */
import { sql } from 'kysely'
import { type Demand, type Growth, growthOf } from './capacity.ts'
import { changesRecorded } from './changes.ts'
import { chunks } from './chunks.ts'
import {
  type ConsumerWrite,
  insertConsumers,
  removeConsumers,
  type StoredAmount,
  type StoredConsumer,
  updateConsumer,
} from './consumers.ts'
import type { Trx } from './providers.ts'
import { runTogether } from './run-together.ts'

/** A claim that fits. */
export interface Accepted {
  readonly writes: readonly ConsumerWrite[]
  readonly isRemoval: boolean
  readonly demands: readonly (Demand & { readonly consumerUuid: string })[]
  /** What its consumers have now. */
  readonly before: readonly StoredAmount[]
  readonly consumers: ReadonlyMap<string, StoredConsumer>
}

/** Somebody else made a consumer after it was looked for: all of it must be done again. */
export class ConsumerMadeMeanwhile extends Error {}

/** `made` are consumers that are there already though they are new. Throws `ConsumerMadeMeanwhile`. */
export async function writeClaims(
  trx: Trx,
  claims: readonly Accepted[],
  made: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  const demands = claims.flatMap((claim) => claim.demands)
  const before = claims.flatMap((claim) => claim.before)
  const ids = await writeConsumers(trx, claims, made, now)
  for (const some of chunks([...new Set(before.map((each) => each.consumerId))]))
    await trx.deleteFrom('placement_allocations').where('consumer_id', 'in', some).execute()
  const concerned = [...demands.map(({ provider }) => provider.id), ...before.map((each) => each.providerId)]
  await runTogether(trx, [
    ...chunks(demands).map((some) => amountsInserted(trx, some, ids, now)),
    ...chunks(growthOf(demands, before).filter(({ by }) => by !== 0)).map(addedToUsed),
    ...chunks([...touches(claims)]).map((some) => addedToGenerations(some, now)),
    ...chunks([...new Set(concerned)]).map((some) => changesRecorded(trx, some, 'usage', now)),
  ])
}

/** Makes, changes and removes the consumers' rows. Answers the ids of those that have something now. */
async function writeConsumers(
  trx: Trx,
  claims: readonly Accepted[],
  made: ReadonlyMap<string, number>,
  now: number,
): Promise<ReadonlyMap<string, number>> {
  const ids = new Map(made)
  const emptied: number[] = []
  const coming: ConsumerWrite[] = []
  for (const { writes, consumers } of claims) {
    for (const write of writes) {
      const stored = consumers.get(write.consumerUuid)
      if (write.allocations.size === 0) emptied.push(...(stored ? [stored.id] : []))
      else if (stored) {
        ids.set(write.consumerUuid, stored.id)
        await updateConsumer(trx, stored.id, write, now)
      } else if (!made.has(write.consumerUuid)) coming.push(write)
    }
  }
  await removeConsumers(trx, emptied)
  const inserted = await insertConsumers(trx, coming, now)
  if (inserted.size < coming.length)
    throw new ConsumerMadeMeanwhile('a consumer was just made by another request')
  for (const [uuid, id] of inserted) ids.set(uuid, id)
  return ids
}

const amountsInserted = (
  trx: Trx,
  demands: readonly (Demand & { readonly consumerUuid: string })[],
  consumerIds: ReadonlyMap<string, number>,
  now: number,
) =>
  trx.insertInto('placement_allocations').values(
    demands.map((demand) => ({
      consumer_id: consumerIds.get(demand.consumerUuid) ?? 0,
      provider_id: demand.provider.id,
      resource_class: demand.resourceClass,
      used: demand.amount,
      created_at: now,
    })),
  )

/** One statement for all changes: both databases name the columns of VALUES alike. */
function addedToUsed(changes: readonly Growth[]) {
  const rows = changes.map(
    ({ providerId, resourceClass, by }) =>
      sql`(cast(${providerId} as bigint), cast(${resourceClass} as text), cast(${by} as bigint))`,
  )
  return sql`
    update placement_inventories set used = used + change.column3
    from (values ${sql.join(rows)}) as change
    where provider_id = change.column1 and resource_class = change.column2`
}

/**
 * How often each provider's generation grows: once for each claim that gives it something to hold, or
 * empties a consumer that held something. Deleting allocations does not count.
 */
function touches(claims: readonly Accepted[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>()
  for (const { writes, isRemoval, demands, before, consumers } of claims) {
    if (isRemoval) continue
    const emptied = new Set(
      writes
        .filter((write) => write.allocations.size === 0)
        .map((write) => consumers.get(write.consumerUuid)?.id),
    )
    const touched = new Set([
      ...demands.map((demand) => demand.provider.id),
      ...before.filter((each) => emptied.has(each.consumerId)).map((each) => each.providerId),
    ])
    for (const id of touched) times.set(id, (times.get(id) ?? 0) + 1)
  }
  return times
}

function addedToGenerations(times: readonly (readonly [providerId: number, by: number])[], now: number) {
  const rows = times.map(([id, by]) => sql`(cast(${id} as bigint), cast(${by} as bigint))`)
  return sql`
    update placement_resource_providers set generation = generation + change.column2, updated_at = ${now}
    from (values ${sql.join(rows)}) as change
    where id = change.column1`
}
