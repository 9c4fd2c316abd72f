/** Neutron's tables: a document per resource with the columns that are searched, and what may be held only once. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export interface NeutronTables {
  neutron_resources: {
    id: string
    kind: string
    project_id: string
    name: string
    /** What it is part of: a port's network, a rule's group. */
    parent_id: string | null
    /** What uses it: a port's device, a floating IP's port. */
    link_id: string | null
    /** Who else may see a network: 0 nobody, 1 it is external, 2 it is shared. */
    openness: number
    revision: number
    body: string
  }
  /** Things that only one may hold: an address of a subnet, a MAC of a network, a project's default group. */
  neutron_claims: { scope: string; value: string; owner_id: string }
  neutron_quotas: { project_id: string; resource: string; hard_limit: number }
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'resources, claims, quotas',
    up: async (db, dialect) => {
      const { text, int, end } = columnTypes(dialect)
      await createAll(db, [
        `create table neutron_resources (id ${text} primary key, kind ${text} not null, project_id ${text} not null,
          name ${text} not null, parent_id ${text}, link_id ${text}, openness ${int} not null,
          revision ${int} not null, body ${text} not null) ${end}`,
        'create index neutron_resources_of_project on neutron_resources (kind, project_id)',
        'create index neutron_resources_of_parent on neutron_resources (parent_id)',
        'create index neutron_resources_of_link on neutron_resources (link_id)',
        `create table neutron_claims (scope ${text} not null, value ${text} not null, owner_id ${text} not null,
          primary key (scope, value)) ${end}`,
        'create index neutron_claims_of_owner on neutron_claims (owner_id)',
        `create table neutron_quotas (project_id ${text} not null, resource ${text} not null,
          hard_limit ${int} not null, primary key (project_id, resource)) ${end}`,
      ])
    },
  },
]
