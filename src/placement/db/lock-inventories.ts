/** Takes providers together with the inventories that are claimed from, in one look. */
import { dialectOf } from '#db/kit/index.ts'
import type { InventoryRow } from './capacity.ts'
import { type LockedProvider, lockProviders, type Trx } from './providers.ts'

export interface LockedInventories {
  /** Those that are there. */
  readonly providers: readonly LockedProvider[]
  readonly inventories: readonly InventoryRow[]
}

/**
 * The rows of the providers `by.uuids` and their inventories of these classes, and the rows of the
 * providers `by.ids`; nobody else changes them until the transaction ends.
 */
export async function lockInventories(
  trx: Trx,
  by: { readonly uuids: readonly string[]; readonly ids: readonly number[] },
  classes: readonly string[],
): Promise<LockedInventories> {
  const rows = by.uuids.length === 0 || classes.length === 0 ? [] : await lockBoth(trx, by.uuids, classes)
  const providers = new Map(rows.map(({ id, uuid, generation }) => [id, { id, uuid, generation }]))
  const known = new Set(rows.map(({ uuid }) => uuid))
  // Those that have nothing of what is claimed, and those that something is only given back to.
  const rest = await lockProviders(trx, {
    uuids: by.uuids.filter((uuid) => !known.has(uuid)),
    ids: by.ids.filter((id) => !providers.has(id)),
  })
  return { providers: [...providers.values(), ...rest], inventories: rows }
}

/** On PostgreSQL both rows are locked: of what it only joins, a query that had to wait would show what was before. */
function lockBoth(trx: Trx, uuids: readonly string[], classes: readonly string[]) {
  return trx
    .selectFrom('placement_resource_providers as p')
    .innerJoin('placement_inventories as i', 'i.provider_id', 'p.id')
    .select(['p.id', 'p.uuid', 'p.generation'])
    .select([
      'i.provider_id as providerId',
      'i.resource_class as resourceClass',
      'i.total',
      'i.reserved',
      'i.min_unit as minUnit',
      'i.max_unit as maxUnit',
      'i.step_size as stepSize',
      'i.allocation_ratio as allocationRatio',
      'i.used',
    ])
    .where('p.uuid', 'in', uuids)
    .where('i.resource_class', 'in', classes)
    .orderBy('p.id')
    .$if(dialectOf(trx) === 'postgres', (query) => query.forUpdate())
    .execute()
}
