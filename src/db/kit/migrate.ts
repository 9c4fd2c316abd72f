/**
 * Migrations: forward only, in sets, each recorded in `schema_migrations`. Two processes that start at
 * once take turns; with nothing to do it costs one query.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import { type DialectName, inTransaction } from './dialect.ts'

/** One step of a schema. Once released it never changes; a later one corrects it. */
export interface Migration<DB = unknown> {
  /** Counts up from 1 within its set. */
  readonly version: number
  readonly name: string
  up(db: Kysely<DB>, dialect: DialectName): Promise<void>
}

interface JournalDb {
  schema_migrations: { migration_set: string; version: number; name: string; applied_at: number }
}

/** An arbitrary number that all of our processes agree on. */
const ADVISORY_LOCK = 7_305_114_018

/** Brings the tables of `set` up to the newest of `migrations`, in one transaction. `now` is in milliseconds. */
export async function migrate(
  db: Kysely<JournalDb>,
  dialect: DialectName,
  set: string,
  migrations: readonly Migration[],
  now: number,
): Promise<void> {
  if (isUpToDate(migrations, await appliedVersions(db, set).catch(() => []))) return
  await inTransaction(db, async (trx) => {
    if (dialect === 'postgres')
      await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(trx)
    await createJournal(trx)
    const applied = await appliedVersions(trx, set)
    for (const migration of pendingOf(migrations, applied)) {
      await migration.up(trx as unknown as Kysely<unknown>, dialect)
      await trx
        .insertInto('schema_migrations')
        .values({ migration_set: set, version: migration.version, name: migration.name, applied_at: now })
        .execute()
    }
  })
}

const pendingOf = (migrations: readonly Migration[], applied: readonly number[]): Migration[] =>
  migrations.filter(({ version }) => !applied.includes(version)).sort((a, b) => a.version - b.version)

const isUpToDate = (migrations: readonly Migration[], applied: readonly number[]): boolean =>
  pendingOf(migrations, applied).length === 0

/** Fails when the journal is not there yet: the first start. */
async function appliedVersions(db: Kysely<JournalDb>, set: string): Promise<number[]> {
  const rows = await db
    .selectFrom('schema_migrations')
    .select('version')
    .where('migration_set', '=', set)
    .execute()
  return rows.map((row) => row.version)
}

async function createJournal(trx: Transaction<JournalDb>): Promise<void> {
  await sql`create table if not exists schema_migrations (
    migration_set text not null, version bigint not null, name text not null, applied_at bigint not null,
    primary key (migration_set, version))`.execute(trx)
}
