/** Long operations with their journal and leases, and the commands they send to computes. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const operations: Migration = {
  version: 2,
  name: 'operations',
  up: async (db, dialect) => {
    const { int, text, end } = columnTypes(dialect)
    await createAll(db, [
      `create table operations (
        id ${text} not null primary key, saga ${text} not null, instance_uuid ${text} not null,
        request_id ${text} not null, context ${text} not null, params ${text} not null, progress ${text},
        status ${text} not null, cancelled ${int} not null, wakes ${int} not null, wake_at ${int} not null,
        lease_owner ${text}, lease_until ${int} not null,
        created_at ${int} not null, updated_at ${int} not null, finished_at ${int}
      ) ${end}`,
      "create index operations_due on operations (wake_at) where status = 'live'",
      'create index operations_by_instance on operations (instance_uuid, status)',
      'create index operations_by_end on operations (finished_at) where finished_at is not null',
      `create table commands (
        id ${text} not null primary key, operation_id ${text} not null, instance_uuid ${text} not null,
        host ${text} not null, kind ${text} not null, request_id ${text} not null, guest ${text} not null,
        args ${text} not null, deadline ${int} not null, status ${text} not null, outcome ${text},
        created_at ${int} not null, finished_at ${int}
      ) ${end}`,
      "create index commands_pending on commands (host, created_at) where status = 'pending'",
      'create index commands_by_operation on commands (operation_id)',
      'create index commands_by_instance on commands (instance_uuid)',
    ])
  },
}
