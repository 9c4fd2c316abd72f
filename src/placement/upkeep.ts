/** What an operator does to Placement's tables: bring them up to date, mend old rows, ask whether all is well. */
import { type Kysely, sql } from 'kysely'
import { type Database, newestOf, tablesVersion as versionOf } from '#db/kit/index.ts'
import { PLACEMENT_MIGRATION_SET, PLACEMENT_MIGRATIONS } from './db/migrations.ts'
import { bumpGenerations } from './db/providers.ts'
import type { PlacementTables } from './db/tables.ts'

interface Journal {
  schema_migrations: { migration_set: string; version: number; name: string; applied_at: number }
}

/** The newest version that there is. */
const NEWEST = newestOf(PLACEMENT_MIGRATIONS)

/** Brings the tables up to date. */
export const syncTables = (db: Database): Promise<void> =>
  db.migrate(PLACEMENT_MIGRATION_SET, PLACEMENT_MIGRATIONS)

/** The version the tables have; 0 when there are none. */
export const tablesVersion = (db: Database): Promise<number> => versionOf(db, PLACEMENT_MIGRATION_SET)

export const isUpToDate = async (db: Database): Promise<boolean> => (await tablesVersion(db)) >= NEWEST

/**
 * Writes down that the tables have this version, without touching them. Throws a `RangeError` for a
 * version that there is not, and where there are no tables.
 */
export async function stampTables(db: Database, version: number, now: number): Promise<void> {
  if (!PLACEMENT_MIGRATIONS.some((migration) => migration.version === version))
    throw new RangeError(`there is no version ${version}: the newest is ${NEWEST}`)
  if ((await tablesVersion(db)) === 0)
    throw new RangeError('the database has no tables of Placement: run "placement-manage db sync"')
  await db.transaction<Journal, void>(async (trx) => {
    await trx.deleteFrom('schema_migrations').where('migration_set', '=', PLACEMENT_MIGRATION_SET).execute()
    await trx
      .insertInto('schema_migrations')
      .values(
        PLACEMENT_MIGRATIONS.filter((migration) => migration.version <= version).map((migration) => ({
          migration_set: PLACEMENT_MIGRATION_SET,
          version: migration.version,
          name: migration.name,
          applied_at: now,
        })),
      )
      .execute()
  })
}

export interface DataMigration {
  readonly name: string
  /** Mends at most `limit` rows. `found` counts those that need it, up to the limit. */
  run(db: Database, limit: number, now: number): Promise<{ found: number; done: number }>
}

/** Rows whose root is not their parent's, or not themselves where they have no parent. */
const misrooted = (db: Kysely<PlacementTables>) =>
  db
    .selectFrom('placement_resource_providers as p')
    .leftJoin('placement_resource_providers as parent', 'parent.id', 'p.parent_id')
    .where(sql<boolean>`p.root_id <> coalesce(parent.root_id, p.id)`)

/** Each may be run again and again, beside a running service. */
export const DATA_MIGRATIONS: readonly DataMigration[] = [
  {
    name: 'set_root_provider_ids',
    run: (db, limit, now) =>
      db.transaction<PlacementTables, { found: number; done: number }>(async (trx) => {
        const rows = await misrooted(trx)
          .select(['p.id', sql<number>`coalesce(parent.root_id, p.id)`.as('rootId')])
          .orderBy('p.id')
          .limit(limit)
          .execute()
        for (const { id, rootId } of rows)
          await trx
            .updateTable('placement_resource_providers')
            .set({ root_id: rootId })
            .where('id', '=', id)
            .execute()
        const ids = rows.map(({ id }) => id)
        await bumpGenerations(trx, ids, now)
        return { found: rows.length, done: rows.length }
      }),
  },
]

export type CheckResult = 'success' | 'warning' | 'failure'

export interface UpgradeCheck {
  readonly name: string
  run(db: Database): Promise<{ result: CheckResult; details: string | null }>
}

const SUCCESS = { result: 'success', details: null } as const

export const UPGRADE_CHECKS: readonly UpgradeCheck[] = [
  {
    name: 'Missing Root Provider IDs',
    async run(db) {
      const row = await misrooted(db.typed<PlacementTables>()).select('p.id').limit(1).executeTakeFirst()
      if (!row) return SUCCESS
      return {
        result: 'failure',
        details:
          'There is at least one resource provider table record which misses its root provider id. Run the "placement-manage db online_data_migrations" command.',
      }
    },
  },
  {
    name: 'Incomplete Consumers',
    async run(db) {
      const row = await db
        .typed<PlacementTables>()
        .selectFrom('placement_allocations as a')
        .leftJoin('placement_consumers as c', 'c.id', 'a.consumer_id')
        .where('c.id', 'is', null)
        .select(sql<number>`count(distinct a.consumer_id)`.as('count'))
        .executeTakeFirstOrThrow()
      if (row.count === 0) return SUCCESS
      return {
        result: 'warning',
        details: `There are ${row.count} incomplete consumers table records for existing allocations.`,
      }
    },
  },
]
