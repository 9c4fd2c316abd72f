/** Computes say how many builds failed on a node in a row. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const failedBuilds: Migration = {
  version: 9,
  name: 'failed builds',
  up: (db, dialect) =>
    createAll(db, [
      `alter table compute_nodes add column failed_builds ${columnTypes(dialect).int} not null default 0`,
    ]),
}
