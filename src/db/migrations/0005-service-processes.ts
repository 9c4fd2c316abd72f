/** Which host and which process speak for a service, so that a second one is refused. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const serviceProcesses: Migration = {
  version: 5,
  name: 'service-processes',
  up: async (db, dialect) => {
    const { text } = columnTypes(dialect)
    await createAll(db, [
      `alter table services add column identity ${text}`,
      `alter table services add column process ${text}`,
    ])
  },
}
