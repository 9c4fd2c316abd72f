/**
 * Allocations: who has taken what from whom. A write replaces all that its consumers have, in one
 * transaction that first takes the rows of the consumers and of every provider concerned, so that what
 * is checked is what is written against: capacity is never exceeded and no write is lost.
 */
import { sql } from 'kysely'
import { dialectOf } from '#db/kit/index.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { checkCapacity, type Demand } from './capacity.ts'
import { recordChanges } from './changes.ts'
import { bumpGenerations, type Db, type LockedProvider, lockProviders, type Trx } from './providers.ts'
import { unknownResourceClass } from './resource-classes.ts'

/** Provider uuid → resource class → amount. */
export type Amounts = ReadonlyMap<string, ReadonlyMap<string, number>>

export interface ConsumerWrite {
  readonly consumerUuid: string
  readonly projectId: string
  readonly userId: string
  /** Undefined leaves the type as it is. */
  readonly consumerType: string | undefined
  /** Null: there must be no such consumer; undefined: whatever it is. */
  readonly generation: number | null | undefined
  /** Empty takes everything from the consumer. */
  readonly allocations: Amounts
}

interface StoredConsumer {
  readonly id: number
  readonly uuid: string
  readonly generation: number
}

interface StoredAmount {
  readonly consumerId: number
  readonly providerId: number
  readonly resourceClass: string
  readonly used: number
}

const CONCURRENT = { code: 'placement.concurrent_update' }

/**
 * Replaces the allocations of all these consumers, or of none. Throws `badRequest` (a provider or class
 * that does not exist), `conflict` with `placement.concurrent_update` (a consumer of another generation),
 * or `conflict` when something does not fit.
 */
export async function replaceAllocations(
  trx: Trx,
  writes: readonly ConsumerWrite[],
  now: number,
): Promise<void> {
  const consumers = await lockConsumers(trx, writes)
  for (const write of writes) checkGeneration(write, consumers.get(write.consumerUuid))
  const before = await amountsOf(trx, [...consumers.values()])
  const providers = await lockConcerned(trx, writes, before)
  await checkResourceClasses(trx, writes)
  const demands = demandsOf(writes, providers)
  await checkCapacity(trx, demands, before)

  const ids = await writeConsumers(trx, writes, consumers, now)
  await removeAmounts(trx, [...consumers.values()])
  await insertAmounts(trx, demands, ids, now)
  await addToUsed(trx, changesOf(demands, before))
  const bumped = touchedProviders(writes, demands, before, consumers)
  await bumpGenerations(trx, bumped, now, 'usage')
  const others = before.map((each) => each.providerId).filter((id) => !bumped.includes(id))
  await recordChanges(trx, [...new Set(others)], 'usage', now)
}

async function lockConsumers(
  trx: Trx,
  writes: readonly ConsumerWrite[],
): Promise<ReadonlyMap<string, StoredConsumer>> {
  const rows = await trx
    .selectFrom('placement_consumers')
    .select(['id', 'uuid', 'generation'])
    .where(
      'uuid',
      'in',
      writes.map((write) => write.consumerUuid),
    )
    .orderBy('id')
    .$if(dialectOf(trx) === 'postgres', (query) => query.forUpdate())
    .execute()
  return new Map(rows.map((row) => [row.uuid, row]))
}

function checkGeneration(write: ConsumerWrite, stored: StoredConsumer | undefined): void {
  if (write.generation === undefined || write.generation === (stored?.generation ?? null)) return
  throw conflict(
    `consumer generation conflict - expected ${stored?.generation ?? 'null'} but got ${write.generation ?? 'None'}`,
    CONCURRENT,
  )
}

function amountsOf(trx: Trx, consumers: readonly StoredConsumer[]): Promise<StoredAmount[]> {
  if (consumers.length === 0) return Promise.resolve([])
  return trx
    .selectFrom('placement_allocations')
    .select([
      'consumer_id as consumerId',
      'provider_id as providerId',
      'resource_class as resourceClass',
      'used',
    ])
    .where(
      'consumer_id',
      'in',
      consumers.map((consumer) => consumer.id),
    )
    .execute()
}

async function lockConcerned(
  trx: Trx,
  writes: readonly ConsumerWrite[],
  before: readonly StoredAmount[],
): Promise<ReadonlyMap<string, LockedProvider>> {
  const uuids = [...new Set(writes.flatMap((write) => [...write.allocations.keys()]))]
  const ids = [...new Set(before.map((each) => each.providerId))]
  const providers = new Map((await lockProviders(trx, { uuids, ids })).map((each) => [each.uuid, each]))
  const missing = uuids.find((uuid) => !providers.has(uuid))
  if (missing !== undefined)
    throw badRequest(`Allocation for resource provider '${missing}' that does not exist.`)
  return providers
}

async function checkResourceClasses(trx: Trx, writes: readonly ConsumerWrite[]): Promise<void> {
  const names = writes.flatMap((write) => [...write.allocations.values()].flatMap((each) => [...each.keys()]))
  const unknown = await unknownResourceClass(trx, [...new Set(names)])
  if (unknown !== undefined)
    throw badRequest(`Unable to allocate inventory: No such resource class ${unknown}.`)
}

function demandsOf(
  writes: readonly ConsumerWrite[],
  providers: ReadonlyMap<string, LockedProvider>,
): (Demand & { consumerUuid: string })[] {
  return writes.flatMap(({ consumerUuid, allocations }) =>
    [...allocations].flatMap(([uuid, resources]) => {
      const provider = providers.get(uuid)
      if (!provider) throw new Error(`provider ${uuid} was not locked`)
      return [...resources].map(([resourceClass, amount]) => ({
        consumerUuid,
        provider,
        resourceClass,
        amount,
      }))
    }),
  )
}

/** Makes, changes and removes the consumers' rows. Answers the ids of those that have something now. */
async function writeConsumers(
  trx: Trx,
  writes: readonly ConsumerWrite[],
  stored: ReadonlyMap<string, StoredConsumer>,
  now: number,
): Promise<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>()
  const emptied: number[] = []
  for (const write of writes) {
    const consumer = stored.get(write.consumerUuid)
    if (write.allocations.size === 0) {
      if (consumer) emptied.push(consumer.id)
    } else {
      ids.set(write.consumerUuid, consumer?.id ?? (await insertConsumer(trx, write, now)))
      if (consumer) await updateConsumer(trx, consumer.id, write, now)
    }
  }
  if (emptied.length > 0) await trx.deleteFrom('placement_consumers').where('id', 'in', emptied).execute()
  return ids
}

async function insertConsumer(trx: Trx, write: ConsumerWrite, now: number): Promise<number> {
  const inserted = await trx
    .insertInto('placement_consumers')
    .values({
      uuid: write.consumerUuid,
      project_id: write.projectId,
      user_id: write.userId,
      consumer_type: write.consumerType ?? null,
      generation: 1,
      created_at: now,
      updated_at: now,
    })
    .onConflict((clash) => clash.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!inserted)
    throw conflict(
      'Inventory and/or allocations changed while attempting to allocate: the consumer was just made by another request.',
      CONCURRENT,
    )
  return inserted.id
}

async function updateConsumer(trx: Trx, id: number, write: ConsumerWrite, now: number): Promise<void> {
  await trx
    .updateTable('placement_consumers')
    .set({
      project_id: write.projectId,
      user_id: write.userId,
      ...(write.consumerType !== undefined && { consumer_type: write.consumerType }),
      generation: sql`generation + 1`,
      updated_at: now,
    })
    .where('id', '=', id)
    .execute()
}

async function removeAmounts(trx: Trx, consumers: readonly StoredConsumer[]): Promise<void> {
  if (consumers.length === 0) return
  await trx
    .deleteFrom('placement_allocations')
    .where(
      'consumer_id',
      'in',
      consumers.map((consumer) => consumer.id),
    )
    .execute()
}

async function insertAmounts(
  trx: Trx,
  demands: readonly (Demand & { consumerUuid: string })[],
  consumerIds: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  if (demands.length === 0) return
  await trx
    .insertInto('placement_allocations')
    .values(
      demands.map((demand) => ({
        consumer_id: consumerIds.get(demand.consumerUuid) ?? 0,
        provider_id: demand.provider.id,
        resource_class: demand.resourceClass,
        used: demand.amount,
        created_at: now,
      })),
    )
    .execute()
}

interface Change {
  readonly providerId: number
  readonly resourceClass: string
  readonly by: number
}

/** What the demands in place of what was before add to each inventory's use; those that do not change are left out. */
function changesOf(demands: readonly Demand[], before: readonly StoredAmount[]): Change[] {
  const sums = new Map<string, Change>()
  const add = (providerId: number, resourceClass: string, by: number) => {
    const key = `${providerId} ${resourceClass}`
    sums.set(key, { providerId, resourceClass, by: (sums.get(key)?.by ?? 0) + by })
  }
  for (const { provider, resourceClass, amount } of demands) add(provider.id, resourceClass, amount)
  for (const { providerId, resourceClass, used } of before) add(providerId, resourceClass, -used)
  return [...sums.values()].filter((change) => change.by !== 0)
}

/** One statement for all changes: both databases name the columns of VALUES alike. */
async function addToUsed(trx: Trx, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map(
    ({ providerId, resourceClass, by }) =>
      sql`(cast(${providerId} as bigint), cast(${resourceClass} as text), cast(${by} as bigint))`,
  )
  await sql`
    update placement_inventories set used = used + change.column3
    from (values ${sql.join(rows)}) as change
    where provider_id = change.column1 and resource_class = change.column2`.execute(trx)
}

/** Providers whose generation grows: those given something to hold, and those of a consumer that is emptied. */
function touchedProviders(
  writes: readonly ConsumerWrite[],
  demands: readonly Demand[],
  before: readonly StoredAmount[],
  consumers: ReadonlyMap<string, StoredConsumer>,
): number[] {
  const emptied = new Set(
    writes
      .filter((write) => write.allocations.size === 0)
      .map((write) => consumers.get(write.consumerUuid)?.id),
  )
  return [
    ...new Set([
      ...demands.map((demand) => demand.provider.id),
      ...before.filter((each) => emptied.has(each.consumerId)).map((each) => each.providerId),
    ]),
  ]
}

/** Takes everything from a consumer. Throws `notFound` when it has nothing. */
export async function removeAllocations(trx: Trx, consumerUuid: string, now: number): Promise<void> {
  const missing = notFound(`No allocations for consumer '${consumerUuid}'`)
  const consumer = await trx
    .selectFrom('placement_consumers')
    .select(['id', 'uuid', 'generation'])
    .where('uuid', '=', consumerUuid)
    .$if(dialectOf(trx) === 'postgres', (query) => query.forUpdate())
    .executeTakeFirst()
  if (!consumer) throw missing
  const before = await amountsOf(trx, [consumer])
  if (before.length === 0) throw missing
  const providerIds = [...new Set(before.map((each) => each.providerId))]
  await lockProviders(trx, { ids: providerIds })
  await removeAmounts(trx, [consumer])
  await addToUsed(trx, changesOf([], before))
  await trx.deleteFrom('placement_consumers').where('id', '=', consumer.id).execute()
  await recordChanges(trx, providerIds, 'usage', now)
}

export interface ConsumerAllocation {
  readonly providerUuid: string
  readonly providerGeneration: number
  readonly resourceClass: string
  readonly used: number
  readonly createdAt: number
  readonly projectId: string
  readonly userId: string
  readonly consumerGeneration: number
  readonly consumerType: string | null
}

/** What a consumer has; empty when there is no such consumer. */
export const allocationsOfConsumer = (db: Db, consumerUuid: string): Promise<ConsumerAllocation[]> =>
  db
    .selectFrom('placement_allocations as a')
    .innerJoin('placement_consumers as c', 'c.id', 'a.consumer_id')
    .innerJoin('placement_resource_providers as p', 'p.id', 'a.provider_id')
    .select([
      'p.uuid as providerUuid',
      'p.generation as providerGeneration',
      'a.resource_class as resourceClass',
      'a.used',
      'a.created_at as createdAt',
      'c.project_id as projectId',
      'c.user_id as userId',
      'c.generation as consumerGeneration',
      'c.consumer_type as consumerType',
    ])
    .where('c.uuid', '=', consumerUuid)
    .orderBy('p.id')
    .orderBy('a.resource_class')
    .execute()

export interface ProviderAllocation {
  readonly consumerUuid: string
  readonly consumerGeneration: number
  readonly resourceClass: string
  readonly used: number
  readonly createdAt: number
}

/** What has been taken from a provider. */
export const allocationsOnProvider = (db: Db, providerId: number): Promise<ProviderAllocation[]> =>
  db
    .selectFrom('placement_allocations as a')
    .innerJoin('placement_consumers as c', 'c.id', 'a.consumer_id')
    .select([
      'c.uuid as consumerUuid',
      'c.generation as consumerGeneration',
      'a.resource_class as resourceClass',
      'a.used',
      'a.created_at as createdAt',
    ])
    .where('a.provider_id', '=', providerId)
    .orderBy('c.id')
    .orderBy('a.resource_class')
    .execute()
