/** Allocations as they are read: what a consumer has, and what was taken from a provider. */
import type { Db } from './providers.ts'

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
