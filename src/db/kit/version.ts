/** Which version the tables of a set have: what a service asks before it trusts them. */
import type { Database } from './database.ts'
import type { Migration } from './migrate.ts'

interface Journal {
  schema_migrations: { migration_set: string; version: number; name: string; applied_at: number }
}

/** The version of the set's tables; 0 when there are none. */
export async function tablesVersion(db: Database, set: string): Promise<number> {
  const kysely = db.typed<Journal>()
  const tables = await kysely.introspection.getTables()
  if (!tables.some(({ name }) => name === 'schema_migrations')) return 0
  const row = await kysely
    .selectFrom('schema_migrations')
    .select((of) => of.fn.max('version').as('version'))
    .where('migration_set', '=', set)
    .executeTakeFirst()
  return row?.version ?? 0
}

export const newestOf = (migrations: readonly Migration[]): number =>
  Math.max(0, ...migrations.map(({ version }) => version))
