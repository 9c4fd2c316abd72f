/** Moves of instances between hosts. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const migrations: Migration = {
  version: 3,
  name: 'migrations',
  up: async (db, dialect) => {
    const { id, int, text, end } = columnTypes(dialect)
    await createAll(db, [
      `create table migrations (
        id ${id}, uuid ${text} not null unique, instance_uuid ${text} not null,
        migration_type ${text} not null, status ${text} not null,
        source_compute ${text}, source_node ${text}, dest_compute ${text}, dest_node ${text}, dest_host ${text},
        old_flavor ${text}, new_flavor ${text}, user_id ${text} not null, project_id ${text} not null,
        hidden ${int} not null, created_at ${int} not null, updated_at ${int}, changed_at ${int} not null
      ) ${end}`,
      'create index migrations_by_instance on migrations (instance_uuid, status)',
      'create index migrations_by_source on migrations (source_compute, status)',
      'create index migrations_by_age on migrations (created_at, id)',
    ])
  },
}
