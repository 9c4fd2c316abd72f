/** Aggregates: uuids that providers are members of. They exist by membership alone. */
import { recordChanges } from './changes.ts'
import { bumpGenerations, type Db, lockProvider, type Trx } from './providers.ts'

/** The aggregates of a provider, in order. */
export async function listAggregates(db: Db, providerId: number): Promise<string[]> {
  const rows = await db
    .selectFrom('placement_provider_aggregates')
    .select('aggregate_uuid')
    .where('provider_id', '=', providerId)
    .orderBy('aggregate_uuid')
    .execute()
  return rows.map((row) => row.aggregate_uuid)
}

/**
 * Makes the provider a member of exactly these. With a generation it must be the provider's, and grows.
 * Throws `notFound` or `conflict`. Answers the generation after.
 */
export async function replaceAggregates(
  trx: Trx,
  uuid: string,
  generation: number | undefined,
  aggregates: readonly string[],
  now: number,
): Promise<number> {
  const provider = await lockProvider(trx, uuid, generation)
  await trx.deleteFrom('placement_provider_aggregates').where('provider_id', '=', provider.id).execute()
  const members = [...new Set(aggregates)]
  if (members.length > 0)
    await trx
      .insertInto('placement_provider_aggregates')
      .values(members.map((aggregate) => ({ provider_id: provider.id, aggregate_uuid: aggregate })))
      .execute()
  if (generation === undefined) {
    await recordChanges(trx, [provider.id], 'anything', now)
    return provider.generation
  }
  await bumpGenerations(trx, [provider.id], now)
  return provider.generation + 1
}
