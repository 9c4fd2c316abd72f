/** Migrations: each move of an instance between hosts (resize, cold and live migration, evacuation), and how it goes. */
import type { Kysely, Selectable, Transaction } from 'kysely'
import { askRows, gathered, keysetAfter, keysetOrder, type SortColumn } from '#db/kit/index.ts'
import type { Flavor } from '#model/flavor/index.ts'
import {
  type InstanceMigration,
  MIGRATION_STATUSES,
  type MigrationStatus,
  type MigrationType,
} from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export type NewMigration = Pick<
  InstanceMigration,
  'uuid' | 'instanceUuid' | 'migrationType' | 'status' | 'userId' | 'projectId'
> &
  Partial<Omit<InstanceMigration, 'id' | 'createdAt' | 'updatedAt'>>

/** Stores a migration that begins. */
export async function insertMigration(
  db: Db,
  migration: NewMigration,
  { now }: { readonly now: number },
): Promise<InstanceMigration> {
  const { oldFlavor = null, newFlavor = null } = migration
  const row = await db
    .insertInto('migrations')
    .values({
      uuid: migration.uuid,
      instance_uuid: migration.instanceUuid,
      migration_type: migration.migrationType,
      status: migration.status,
      source_compute: migration.sourceCompute ?? null,
      source_node: migration.sourceNode ?? null,
      dest_compute: migration.destCompute ?? null,
      dest_node: migration.destNode ?? null,
      dest_host: migration.destHost ?? null,
      old_flavor: oldFlavor && JSON.stringify(oldFlavor),
      new_flavor: newFlavor && JSON.stringify(newFlavor),
      user_id: migration.userId,
      project_id: migration.projectId,
      hidden: migration.hidden === true ? 1 : 0,
      created_at: now,
      updated_at: null,
      changed_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return migrationOf(row)
}

export type MigrationChanges = Partial<
  Pick<InstanceMigration, 'status' | 'destCompute' | 'destNode' | 'destHost'>
>

/** Changes a migration, if it is as expected; undefined, with nothing changed, otherwise. */
export async function updateMigration(
  db: Db,
  uuid: string,
  { status, destCompute, destNode, destHost }: MigrationChanges,
  { now, expect }: { readonly now: number; readonly expect?: readonly MigrationStatus[] },
): Promise<InstanceMigration | undefined> {
  let query = db
    .updateTable('migrations')
    .set({
      updated_at: now,
      changed_at: now,
      ...(status !== undefined && { status }),
      ...(destCompute !== undefined && { dest_compute: destCompute }),
      ...(destNode !== undefined && { dest_node: destNode }),
      ...(destHost !== undefined && { dest_host: destHost }),
    })
    .where('uuid', '=', uuid)
  if (expect) query = query.where('status', 'in', expect)
  const row = await query.returningAll().executeTakeFirst()
  return row && migrationOf(row)
}

export async function findMigration(db: Db, uuid: string): Promise<InstanceMigration | undefined> {
  const row = await db.selectFrom('migrations').selectAll().where('uuid', '=', uuid).executeTakeFirst()
  return row && migrationOf(row)
}

/** An instance's migration by its number. */
export async function findInstanceMigration(
  db: Db,
  instanceUuid: string,
  id: number,
): Promise<InstanceMigration | undefined> {
  const query = db.selectFrom('migrations').selectAll().where('id', '=', id)
  const row = await query.where('instance_uuid', '=', instanceUuid).executeTakeFirst()
  return row && migrationOf(row)
}

export interface MigrationFilters {
  readonly instanceUuid?: string
  readonly statuses?: readonly string[]
  readonly types?: readonly string[]
  /** Source or destination. */
  readonly host?: string
  readonly sourceCompute?: string
  readonly hidden?: boolean
  /** Not of a server that was deleted. */
  readonly ofLiving?: boolean
  readonly userId?: string
  readonly projectId?: string
  /** Last changed at or after; milliseconds since the epoch. */
  readonly changesSince?: number
  readonly changesBefore?: number
}

export interface MigrationPage {
  /** The last migration of the page before. */
  readonly after?: Pick<InstanceMigration, 'createdAt' | 'id'>
  readonly limit?: number
}

const NEWEST_FIRST: readonly SortColumn[] = [
  { column: 'created_at', direction: 'desc' },
  { column: 'id', direction: 'desc' },
]

/** Migrations, newest first, in one query. */
export async function listMigrations(
  db: Db,
  filters: MigrationFilters,
  page: MigrationPage = {},
): Promise<InstanceMigration[]> {
  const { host, statuses, types } = filters
  let query = db.selectFrom('migrations').selectAll()
  for (const [column, value] of Object.entries(exactly(filters)))
    query = query.where(column as 'instance_uuid', '=', value)
  if (filters.hidden !== undefined) query = query.where('hidden', '=', filters.hidden ? 1 : 0)
  if (filters.ofLiving === true)
    query = query.where((eb) => {
      const gone = eb
        .selectFrom('instances')
        .select('instances.uuid')
        .whereRef('instances.uuid', '=', 'migrations.instance_uuid')
        .where('instances.deleted', '=', 1)
      return eb.not(eb.exists(gone))
    })
  if (statuses) query = query.where('status', 'in', statuses)
  if (types) query = query.where('migration_type', 'in', types)
  if (host !== undefined)
    query = query.where((eb) => eb.or([eb('source_compute', '=', host), eb('dest_compute', '=', host)]))
  if (filters.changesSince !== undefined) query = query.where('changed_at', '>=', filters.changesSince)
  if (filters.changesBefore !== undefined) query = query.where('changed_at', '<=', filters.changesBefore)
  if (page.after) query = query.where(keysetAfter(NEWEST_FIRST, [page.after.createdAt, page.after.id]))
  for (const order of keysetOrder(NEWEST_FIRST)) query = query.orderBy(order)
  if (page.limit !== undefined) query = query.limit(page.limit)
  return (await query.execute()).map(migrationOf)
}

const exactly = (filters: MigrationFilters): Record<string, string> => ({
  ...(filters.instanceUuid !== undefined && { instance_uuid: filters.instanceUuid }),
  ...(filters.sourceCompute !== undefined && { source_compute: filters.sourceCompute }),
  ...(filters.userId !== undefined && { user_id: filters.userId }),
  ...(filters.projectId !== undefined && { project_id: filters.projectId }),
})

/** Which of these uuids are of migrations that still hold a host's resources, with the instance each is of. */
export async function listUnsettledMigrations(
  db: Db,
  uuids: readonly string[],
): Promise<{ uuid: string; instanceUuid: string }[]> {
  if (uuids.length === 0) return []
  const rows = await db
    .selectFrom('migrations')
    .select(['uuid', 'instance_uuid'])
    .where('uuid', 'in', uuids)
    .where('status', 'in', UNSETTLED)
    .execute()
  return rows.map((row) => ({ uuid: row.uuid, instanceUuid: row.instance_uuid }))
}

/** The migrations to or from this host that are not settled; what was evacuated from it is here no more. */
export const listUnsettledOn = async (db: Db, host: string): Promise<InstanceMigration[]> =>
  (await listMigrations(db, { host, statuses: UNSETTLED })).filter(
    ({ migrationType, sourceCompute }) => migrationType !== 'evacuation' || sourceCompute !== host,
  )

/** The migrations of this instance that are not settled. */
export const listUnsettledOf = gathered<NovaDb, string, InstanceMigration[]>({
  rank: 20,
  one: (db, instanceUuid) => listMigrations(db, { instanceUuid, statuses: UNSETTLED }),
  async many(db, uuids) {
    const text = `
      select * from migrations where instance_uuid = any($1::text[]) and status = any($2::text[])
      order by created_at desc, id desc`
    const rows = await askRows<Selectable<NovaDb['migrations']>>(db, text, [uuids, UNSETTLED])
    const found = rows.map(migrationOf)
    return uuids.map((uuid) => found.filter(({ instanceUuid }) => instanceUuid === uuid))
  },
})

/**
 * Hosts on which something of this instance may be: both ends of a move that is not settled, then those that it was
 * evacuated from, which keep what they had of it.
 */
export async function listHostsOfMoves(db: Db, instanceUuid: string): Promise<string[]> {
  const moves = await listMigrations(db, { instanceUuid, statuses: [...UNSETTLED, 'completed'] })
  const unsettled = moves.filter(({ status }) => !SETTLED.has(status))
  const evacuated = moves.filter(({ migrationType }) => migrationType === 'evacuation')
  const ends = unsettled.flatMap(({ sourceCompute, destCompute }) => [sourceCompute, destCompute])
  const hosts = [...ends, ...evacuated.map(({ sourceCompute }) => sourceCompute)]
  return [...new Set(hosts.filter((host) => host !== null))]
}

/** Over: nothing of it is on its other host any more. */
const SETTLED: ReadonlySet<MigrationStatus> = new Set([
  'confirmed',
  'reverted',
  'completed',
  'cancelled',
  'failed',
  'error',
])
const UNSETTLED: readonly MigrationStatus[] = MIGRATION_STATUSES.filter((status) => !SETTLED.has(status))

const flavorOf = (text: string | null): Flavor | null => (text === null ? null : (JSON.parse(text) as Flavor))

const migrationOf = (row: Selectable<NovaDb['migrations']>): InstanceMigration => ({
  id: row.id,
  uuid: row.uuid,
  instanceUuid: row.instance_uuid,
  migrationType: row.migration_type as MigrationType,
  status: row.status as MigrationStatus,
  sourceCompute: row.source_compute,
  sourceNode: row.source_node,
  destCompute: row.dest_compute,
  destNode: row.dest_node,
  destHost: row.dest_host,
  oldFlavor: flavorOf(row.old_flavor),
  newFlavor: flavorOf(row.new_flavor),
  userId: row.user_id,
  projectId: row.project_id,
  hidden: row.hidden === 1,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
