/** What requests for migrations look like, at each microversion. */
import { LIMIT, many, operation, query, since, single } from '#lib/versioned/index.ts'

export const MIGRATIONS_RULE = 'os_compute_api:os-migrations:index'

const TIME = { type: 'string', format: 'date-time' } as const

export const listMigrations = operation({
  path: 'GET /os-migrations',
  policy: MIGRATIONS_RULE,
  query: query(
    {
      hidden: many(),
      host: many(),
      instance_uuid: many(),
      source_compute: many(),
      status: many(),
      migration_type: many(),
      limit: since('2.59', single(LIMIT)),
      marker: since('2.59', single()),
      'changes-since': since('2.59', single(TIME)),
      'changes-before': since('2.66', single(TIME)),
      user_id: since('2.80', single()),
      project_id: since('2.80', single()),
    },
    { strictSince: '2.59' },
  ),
  behaviours: { paged: '2.59..', changesBefore: '2.66..', byOwner: '2.80..' },
})
