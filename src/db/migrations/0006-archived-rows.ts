/** Rows of deleted servers, out of the way of everything else until they are purged: Nova's shadow tables in one. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const archivedRows: Migration = {
  version: 6,
  name: 'archived-rows',
  up: async (db, dialect) => {
    const { id, int, text, end } = columnTypes(dialect)
    await createAll(db, [
      `create table archived_rows (
        id ${id}, table_name ${text} not null, instance_uuid ${text} not null, content ${text} not null,
        deleted_at ${int} not null, archived_at ${int} not null
      ) ${end}`,
      'create index archived_rows_by_deletion on archived_rows (deleted_at)',
      'create index archived_rows_by_instance on archived_rows (instance_uuid)',
    ])
  },
}
