/** Placement's migration set: a journal of its own, so that it can share a database with Nova or have one to itself. */
import type { Kysely } from 'kysely'
import { type ColumnTypes, columnTypes, createAll, type DialectName, type Migration } from '#db/kit/index.ts'

const providers = ({ id, int, text, end }: ColumnTypes): string[] => [
  `create table placement_resource_providers (
    id ${id}, uuid ${text} not null unique, name ${text} not null unique, generation ${int} not null,
    parent_id ${int}, root_id ${int} not null, created_at ${int} not null, updated_at ${int} not null
  ) ${end}`,
  'create index placement_providers_root on placement_resource_providers (root_id)',
  'create index placement_providers_parent on placement_resource_providers (parent_id)',
]

const inventories = ({ int, real, text, end }: ColumnTypes): string[] => [
  `create table placement_inventories (
    provider_id ${int} not null, resource_class ${text} not null,
    total ${int} not null, reserved ${int} not null, min_unit ${int} not null, max_unit ${int} not null,
    step_size ${int} not null, allocation_ratio ${real} not null, used ${int} not null,
    created_at ${int} not null, updated_at ${int} not null, primary key (provider_id, resource_class)
  ) ${end}`,
  'create index placement_inventories_class on placement_inventories (resource_class)',
]

const allocations = ({ id, int, text, end }: ColumnTypes): string[] => [
  `create table placement_consumers (
    id ${id}, uuid ${text} not null unique, project_id ${text} not null, user_id ${text} not null,
    consumer_type ${text}, generation ${int} not null, created_at ${int} not null, updated_at ${int} not null
  ) ${end}`,
  'create index placement_consumers_owner on placement_consumers (project_id, user_id)',
  `create table placement_allocations (
    consumer_id ${int} not null, provider_id ${int} not null, resource_class ${text} not null,
    used ${int} not null, created_at ${int} not null, primary key (consumer_id, provider_id, resource_class)
  ) ${end}`,
  'create index placement_allocations_provider on placement_allocations (provider_id)',
]

const labels = ({ int, text, end }: ColumnTypes): string[] => [
  `create table placement_provider_traits (
    provider_id ${int} not null, trait ${text} not null, primary key (provider_id, trait)
  ) ${end}`,
  'create index placement_provider_traits_trait on placement_provider_traits (trait)',
  `create table placement_provider_aggregates (
    provider_id ${int} not null, aggregate_uuid ${text} not null, primary key (provider_id, aggregate_uuid)
  ) ${end}`,
  'create index placement_provider_aggregates_uuid on placement_provider_aggregates (aggregate_uuid)',
  `create table placement_resource_classes (
    name ${text} not null primary key, created_at ${int} not null, updated_at ${int} not null
  ) ${end}`,
  `create table placement_traits (name ${text} not null primary key, created_at ${int} not null) ${end}`,
]

const changes = ({ id, int, end }: ColumnTypes, dialect: DialectName): string[] => [
  `create table placement_changes (
    seq ${id},
    written_by ${int} not null default ${dialect === 'postgres' ? '(pg_current_xact_id()::text::bigint)' : '0'},
    provider_id ${int} not null, usage_only ${int} not null, created_at ${int} not null
  ) ${end}`,
  ...(dialect === 'postgres'
    ? ['create index placement_changes_writer on placement_changes (written_by)']
    : []),
  'create index placement_changes_age on placement_changes (created_at)',
  `create table placement_changes_trimmed (up_to ${int} not null) ${end}`,
  'insert into placement_changes_trimmed (up_to) values (0)',
]

export const PLACEMENT_MIGRATION_SET = 'placement'

export const PLACEMENT_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'providers, inventories, allocations, traits and aggregates',
    async up(db: Kysely<unknown>, dialect) {
      const types = columnTypes(dialect)
      await createAll(db, [
        ...providers(types),
        ...inventories(types),
        ...allocations(types),
        ...labels(types),
      ])
    },
  },
  {
    version: 2,
    name: 'the change sequence',
    up: (db, dialect) => createAll(db, changes(columnTypes(dialect), dialect)),
  },
]
