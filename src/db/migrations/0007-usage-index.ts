/** Usage reports go through a project's instances by uuid, living and deleted ones alike. */
import { assumeStatistics, createAll, type Migration } from '#db/kit/index.ts'

export const usageIndex: Migration = {
  version: 7,
  name: 'usage index',
  up: async (db, dialect) => {
    await createAll(db, ['create index instances_by_owner on instances (project_id, uuid)'])
    await assumeStatistics(db, dialect, 'instances', { instances_by_owner: [100_000, 2000, 1] })
  },
}
