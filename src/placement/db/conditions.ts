/** Subqueries that providers are chosen by: room for an amount, traits, aggregates. */
import { type Kysely, sql, type SqlBool } from 'kysely'
import type { PlacementTables } from './tables.ts'

type Db = Kysely<PlacementTables>

/** Whether an inventory row (of the table in scope) takes `amount` more of its class. */
export const fits = (amount: number) => sql<SqlBool>`(
  used + ${sql.lit(amount)} <= (total - reserved) * allocation_ratio
  and min_unit <= ${sql.lit(amount)} and max_unit >= ${sql.lit(amount)} and ${sql.lit(amount)} % step_size = 0)`

/** Ids of the providers with room for `amount` of the class. */
export const inventoryFits = (db: Db, resourceClass: string, amount: number) =>
  db
    .selectFrom('placement_inventories')
    .select('provider_id')
    .where('resource_class', '=', resourceClass)
    .where(fits(amount))

/** Ids of the providers that have one of the traits. */
export const withTraits = (db: Db, anyOf: readonly string[]) =>
  db.selectFrom('placement_provider_traits').select('provider_id').where('trait', 'in', anyOf)

/** Ids of the providers that are in one of the aggregates. */
export const inAggregates = (db: Db, anyOf: readonly string[]) =>
  db.selectFrom('placement_provider_aggregates').select('provider_id').where('aggregate_uuid', 'in', anyOf)

/** Lists of which one name each is asked for, parted: those with one name alone can be met in one subquery. */
export interface Asked {
  readonly all: readonly string[]
  readonly anyOf: readonly (readonly string[])[]
}

/** Each list once. */
export function parted(lists: readonly (readonly string[])[]): Asked {
  const once = [...new Map(lists.map((names) => [names.toSorted().join(), names])).values()]
  return {
    all: once.filter((names) => names.length === 1).flat(),
    anyOf: once.filter((names) => names.length !== 1),
  }
}

/** Ids of the providers that have every one of the traits, which are different ones. */
export const withAllTraits = (db: Db, names: readonly string[]) =>
  withTraits(db, names)
    .groupBy('provider_id')
    .having((row) => row.fn.countAll(), '=', names.length)

/** Ids of the providers that are in every one of the aggregates, which are different ones. */
export const inAllAggregates = (db: Db, uuids: readonly string[]) =>
  inAggregates(db, uuids)
    .groupBy('provider_id')
    .having((row) => row.fn.countAll(), '=', uuids.length)
