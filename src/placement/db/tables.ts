/**
 * Placement's tables as Kysely sees them. Resource classes and traits are stored by name, so that no
 * query needs a cache of ids. `used` of an inventory is the sum of its allocations, kept in the same
 * transaction as they are: a claim reads and writes one row a resource instead of summing.
 * Times are milliseconds since the epoch.
 */
import type { Generated } from 'kysely'

export interface PlacementTables {
  placement_resource_providers: {
    id: Generated<number>
    uuid: string
    name: string
    generation: number
    parent_id: number | null
    /** A root's is its own. */
    root_id: number
    created_at: number
    updated_at: number
  }
  placement_inventories: {
    provider_id: number
    resource_class: string
    total: number
    reserved: number
    min_unit: number
    max_unit: number
    step_size: number
    allocation_ratio: number
    used: number
    created_at: number
    updated_at: number
  }
  placement_allocations: {
    consumer_id: number
    provider_id: number
    resource_class: string
    used: number
    created_at: number
  }
  placement_consumers: {
    id: Generated<number>
    uuid: string
    project_id: string
    user_id: string
    /** Null of those written before there were types; shown as `unknown`. */
    consumer_type: string | null
    generation: number
    created_at: number
    updated_at: number
  }
  placement_provider_traits: { provider_id: number; trait: string }
  placement_provider_aggregates: { provider_id: number; aggregate_uuid: string }
  placement_resource_classes: { name: string; created_at: number; updated_at: number }
  placement_traits: { name: string; created_at: number }
  /** What changed, for those who keep providers in memory; see changes.ts. */
  placement_changes: {
    seq: Generated<number>
    /** The transaction's number, on PostgreSQL. */
    written_by: Generated<number>
    provider_id: number
    usage_only: number
    created_at: number
  }
  /** One row: up to where changes have been trimmed. */
  placement_changes_trimmed: { up_to: number }
}
