/** Sums of what is used, by project. */
import { sql } from 'kysely'
import type { Db } from './providers.ts'

export interface UsageFilter {
  readonly projectId: string
  readonly userId?: string
  /** Null: consumers without a type. */
  readonly consumerType?: string | null
}

export interface TypedUsage {
  readonly consumerType: string | null
  readonly resourceClass: string
  readonly used: number
}

/** What a project's consumers use of each class, by type of consumer. */
export const listUsages = (db: Db, filter: UsageFilter): Promise<TypedUsage[]> =>
  consumersOf(db, filter)
    .innerJoin('placement_allocations as a', 'a.consumer_id', 'c.id')
    .select([
      'c.consumer_type as consumerType',
      'a.resource_class as resourceClass',
      sql<number>`cast(sum(a.used) as bigint)`.as('used'),
    ])
    .groupBy(['c.consumer_type', 'a.resource_class'])
    .orderBy('a.resource_class')
    .execute()

/** How many consumers there are of each type. */
export const countConsumers = (
  db: Db,
  filter: UsageFilter,
): Promise<{ consumerType: string | null; count: number }[]> =>
  consumersOf(db, filter)
    .select(['c.consumer_type as consumerType', sql<number>`count(*)`.as('count')])
    .groupBy('c.consumer_type')
    .execute()

function consumersOf(db: Db, filter: UsageFilter) {
  let query = db.selectFrom('placement_consumers as c').where('c.project_id', '=', filter.projectId)
  if (filter.userId !== undefined) query = query.where('c.user_id', '=', filter.userId)
  if (filter.consumerType === null) query = query.where('c.consumer_type', 'is', null)
  else if (filter.consumerType !== undefined) query = query.where('c.consumer_type', '=', filter.consumerType)
  return query
}
