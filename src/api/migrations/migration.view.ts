/** How a migration looks in a list of all. */
import type { Links } from '#api/kernel/index.ts'
import { isoMicroseconds } from '#lib/iso-time.ts'
import { shownSince, type Show, view } from '#lib/versioned/index.ts'
import type { InstanceMigration } from '#model/instance/index.ts'

export interface MigrationContext {
  readonly links: Links
  /** Whether the caller may know of hosts. */
  readonly showHosts: boolean
}

type Field = Show<InstanceMigration, MigrationContext>

const ofHost =
  (pick: (migration: InstanceMigration) => string | null): Field =>
  (migration, { showHosts }) =>
    showHosts ? pick(migration) : null

const IN_PROGRESS: ReadonlySet<string> = new Set(['queued', 'preparing', 'running', 'post-migrating'])

/** Only of live migrations under way: of those more can be asked. */
const links: Field = ({ migrationType, status, instanceUuid, id }, context) =>
  migrationType === 'live-migration' && IN_PROGRESS.has(status)
    ? context.links.of(`servers/${instanceUuid}/migrations`, String(id))
    : undefined

export const migrationView = view<InstanceMigration, MigrationContext>({
  id: (migration) => migration.id,
  uuid: shownSince('2.59', (migration) => migration.uuid),
  instance_uuid: (migration) => migration.instanceUuid,
  migration_type: shownSince('2.23', (migration) => migration.migrationType),
  status: (migration) => migration.status,
  source_compute: ofHost((migration) => migration.sourceCompute),
  source_node: ofHost((migration) => migration.sourceNode),
  dest_compute: ofHost((migration) => migration.destCompute),
  dest_node: ofHost((migration) => migration.destNode),
  dest_host: ofHost((migration) => migration.destHost),
  old_instance_type_id: (migration) => migration.oldFlavor?.id ?? null,
  new_instance_type_id: (migration) => migration.newFlavor?.id ?? null,
  user_id: shownSince('2.80', (migration) => migration.userId),
  project_id: shownSince('2.80', (migration) => migration.projectId),
  created_at: (migration) => isoMicroseconds(migration.createdAt),
  updated_at: (migration) => (migration.updatedAt === null ? null : isoMicroseconds(migration.updatedAt)),
  links: shownSince('2.23', links),
})
