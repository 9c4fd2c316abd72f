/** Consumers: who has taken something, and of what generation that is. */
import { sql } from 'kysely'
import { dialectOf, lockRows } from '#db/kit/index.ts'
import { chunks } from './chunks.ts'
import type { Trx } from './providers.ts'

/** Provider uuid → resource class → amount. */
export type Amounts = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What a consumer is to have. */
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

export interface StoredConsumer {
  readonly id: number
  readonly uuid: string
  readonly generation: number
}

export interface StoredAmount {
  readonly consumerId: number
  readonly providerId: number
  readonly resourceClass: string
  readonly used: number
}

/** The rows of the consumers, taken until the transaction ends, by uuid; and what they have, by id. */
export async function lockConsumers(
  trx: Trx,
  writes: readonly ConsumerWrite[],
): Promise<{
  consumers: ReadonlyMap<string, StoredConsumer>
  amounts: ReadonlyMap<number, readonly StoredAmount[]>
}> {
  if (writes.length === 0) return { consumers: new Map(), amounts: new Map() }
  const query = trx
    .selectFrom('placement_consumers')
    .select(['id', 'uuid', 'generation'])
    .where(
      'uuid',
      'in',
      writes.map((write) => write.consumerUuid),
    )
    .orderBy('id')
  const rows = await lockRows(dialectOf(trx), query).execute()
  const amounts = await amountsOf(
    trx,
    rows.map(({ id }) => id),
  )
  return {
    consumers: new Map(rows.map((row) => [row.uuid, row])),
    amounts: Map.groupBy(amounts, (each) => each.consumerId),
  }
}

function amountsOf(trx: Trx, consumerIds: readonly number[]): Promise<StoredAmount[]> {
  if (consumerIds.length === 0) return Promise.resolve([])
  return trx
    .selectFrom('placement_allocations')
    .select([
      'consumer_id as consumerId',
      'provider_id as providerId',
      'resource_class as resourceClass',
      'used',
    ])
    .where('consumer_id', 'in', consumerIds)
    .execute()
}

/** Makes consumers and answers their ids; one that is there already is missing. */
export async function insertConsumers(
  trx: Trx,
  writes: readonly ConsumerWrite[],
  now: number,
): Promise<ReadonlyMap<string, number>> {
  // In one order for everybody, so that those who make the same ones do not wait for one another.
  const rows = writes
    .toSorted((a, b) => (a.consumerUuid < b.consumerUuid ? -1 : 1))
    .map((write) => ({
      uuid: write.consumerUuid,
      project_id: write.projectId,
      user_id: write.userId,
      consumer_type: write.consumerType ?? null,
      generation: 1,
      created_at: now,
      updated_at: now,
    }))
  const ids = new Map<string, number>()
  for (const some of chunks(rows)) {
    const inserted = await trx
      .insertInto('placement_consumers')
      .values(some)
      .onConflict((clash) => clash.doNothing())
      .returning(['id', 'uuid'])
      .execute()
    for (const { id, uuid } of inserted) ids.set(uuid, id)
  }
  return ids
}

export async function updateConsumer(trx: Trx, id: number, write: ConsumerWrite, now: number): Promise<void> {
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

export async function removeConsumers(trx: Trx, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await trx.deleteFrom('placement_consumers').where('id', 'in', ids).execute()
}
