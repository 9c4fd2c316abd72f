/** A move of an instance from one host to another: what is asked for and how far it got. */
import type { Flavor } from '#model/flavor/index.ts'

export type MigrationType = 'migration' | 'resize' | 'live-migration' | 'evacuation'

export const MIGRATION_STATUSES = [
  'accepted',
  'queued',
  'preparing',
  'pre-migrating',
  'migrating',
  'running',
  'post-migrating',
  'finished',
  'confirming',
  'confirmed',
  'reverting',
  'reverted',
  'completed',
  'done',
  'cancelled',
  'failed',
  'error',
] as const
export type MigrationStatus = (typeof MIGRATION_STATUSES)[number]

/** Times are milliseconds since the Unix epoch. */
export interface InstanceMigration {
  readonly id: number
  readonly uuid: string
  readonly instanceUuid: string
  readonly migrationType: MigrationType
  readonly status: MigrationStatus
  readonly sourceCompute: string | null
  readonly sourceNode: string | null
  readonly destCompute: string | null
  readonly destNode: string | null
  /** The destination's address. */
  readonly destHost: string | null
  readonly oldFlavor: Flavor | null
  readonly newFlavor: Flavor | null
  readonly userId: string
  readonly projectId: string
  readonly hidden: boolean
  readonly createdAt: number
  readonly updatedAt: number | null
}
