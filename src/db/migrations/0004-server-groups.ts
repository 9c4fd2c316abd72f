/** Server groups, and the servers in them. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const serverGroups: Migration = {
  version: 4,
  name: 'server-groups',
  up: async (db, dialect) => {
    const { id, int, text, end } = columnTypes(dialect)
    await createAll(db, [
      `create table instance_groups (
        id ${id}, uuid ${text} not null unique, name ${text} not null, project_id ${text} not null,
        user_id ${text} not null, policy ${text} not null, max_server_per_host ${int}, created_at ${int} not null
      ) ${end}`,
      'create index instance_groups_by_project on instance_groups (project_id, user_id)',
      `create table instance_group_member (
        id ${id}, group_id ${int} not null references instance_groups (id) on delete cascade,
        instance_uuid ${text} not null unique
      ) ${end}`,
      'create index instance_group_member_by_group on instance_group_member (group_id)',
    ])
  },
}
