/** Server groups and who is in them. A server that is deleted is no member any more. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { compiledOnce, dialectOf, lockRows, requireOwnTransaction } from '#db/kit/index.ts'
import { notFound } from '#lib/fault.ts'
import type { MigrationStatus } from '#model/instance/index.ts'
import type { GroupPolicy, ServerGroup } from '#model/server-group/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

type NewServerGroup = Omit<ServerGroup, 'id' | 'members' | 'createdAt'>

interface GroupRow {
  id: number
  uuid: string
  name: string
  project_id: string
  user_id: string
  policy: string
  max_server_per_host: number | null
  created_at: number
}

const groupOf = (row: GroupRow, members: readonly string[]): ServerGroup => ({
  id: row.id,
  uuid: row.uuid,
  name: row.name,
  projectId: row.project_id,
  userId: row.user_id,
  policy: row.policy as GroupPolicy,
  maxServersPerHost: row.max_server_per_host,
  members,
  createdAt: row.created_at,
})

/** A page of groups by their number, of one project or of all, with their members: two queries. */
export async function listServerGroups(
  db: Db,
  filters: { readonly projectId?: string } = {},
  page: { readonly limit?: number; readonly offset?: number } = {},
): Promise<ServerGroup[]> {
  let query = db.selectFrom('instance_groups').selectAll().orderBy('id')
  if (filters.projectId !== undefined) query = query.where('project_id', '=', filters.projectId)
  if (page.limit !== undefined) query = query.limit(page.limit)
  if (page.offset !== undefined) query = query.offset(page.offset)
  return withMembers(db, await query.execute())
}

async function withMembers(db: Db, rows: readonly GroupRow[]): Promise<ServerGroup[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const members = await db
    .selectFrom('instance_group_member as member')
    .innerJoin('instances', 'instances.uuid', 'member.instance_uuid')
    .select(['member.group_id', 'member.instance_uuid'])
    .where('member.group_id', 'in', ids)
    .where('instances.deleted', '=', 0)
    .orderBy('member.id')
    .execute()
  const membersOf = Map.groupBy(members, (row) => row.group_id)
  return rows.map((row) =>
    groupOf(
      row,
      (membersOf.get(row.id) ?? []).map((member) => member.instance_uuid),
    ),
  )
}

export async function findServerGroup(db: Db, uuid: string): Promise<ServerGroup | undefined> {
  const rows = await db.selectFrom('instance_groups').selectAll().where('uuid', '=', uuid).execute()
  return (await withMembers(db, rows))[0]
}

/** The group; throws notFound in Nova's words. */
export async function getServerGroup(
  db: Db,
  uuid: string,
  { projectId }: { readonly projectId?: string | undefined } = {},
): Promise<ServerGroup> {
  const group = await findServerGroup(db, uuid)
  if (!group || (projectId !== undefined && group.projectId !== projectId)) throw groupNotFound(uuid)
  return group
}

const groupNotFound = (uuid: string) => notFound(`Instance group ${uuid} could not be found.`)

/** Stores a group without members. */
export async function insertServerGroup(
  db: Db,
  group: NewServerGroup,
  options: { readonly now: number },
): Promise<ServerGroup> {
  const row = await db
    .insertInto('instance_groups')
    .values({
      uuid: group.uuid,
      name: group.name,
      project_id: group.projectId,
      user_id: group.userId,
      policy: group.policy,
      max_server_per_host: group.maxServersPerHost,
      created_at: options.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return groupOf(row, [])
}

/** Removes a group; its servers stay. Throws notFound. */
export async function removeServerGroup(db: Db, uuid: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('instance_groups')
    .where('uuid', '=', uuid)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw groupNotFound(uuid)
}

/** How many groups a project, or one user in it, has: for the quota. */
export async function countServerGroups(
  db: Db,
  of: { readonly projectId: string; readonly userId?: string | undefined },
): Promise<number> {
  let query = db
    .selectFrom('instance_groups')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('project_id', '=', of.projectId)
  if (of.userId !== undefined) query = query.where('user_id', '=', of.userId)
  return (await query.executeTakeFirstOrThrow()).count
}

/** How many of a group's servers are a user's: what its quota of members counts. */
export async function countGroupMembers(
  trx: Transaction<NovaDb>,
  groupId: number,
  userId: string,
): Promise<number> {
  const query = trx
    .selectFrom('instance_group_member as member')
    .innerJoin('instances', 'instances.uuid', 'member.instance_uuid')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('member.group_id', '=', groupId)
    .where('instances.user_id', '=', userId)
    .where('instances.deleted', '=', 0)
  return (await query.executeTakeFirstOrThrow()).count
}

/** Servers join a group, in the transaction that makes them. */
export async function insertGroupMembers(
  trx: Transaction<NovaDb>,
  groupId: number,
  instanceUuids: readonly string[],
): Promise<void> {
  const rows = instanceUuids.map((instance_uuid) => ({ group_id: groupId, instance_uuid }))
  for (let start = 0; start < rows.length; start += INSERT_CHUNK)
    await trx
      .insertInto('instance_group_member')
      .values(rows.slice(start, start + INSERT_CHUNK))
      .execute()
}

/** SQLite binds at most 32,766 values to a statement. */
const INSERT_CHUNK = 1000

/** The uuid of the group that a server is in. */
export async function findGroupOf(db: Db, instanceUuid: string): Promise<string | undefined> {
  const [row] = await askGroupOf(db, {}, { instanceUuid })
  return row?.uuid
}

const askGroupOf = compiledOnce(
  (db: Db, _form: object, { instanceUuid }: { readonly instanceUuid: string }) =>
    db
      .selectFrom('instance_group_member')
      .innerJoin('instance_groups', 'instance_groups.id', 'instance_group_member.group_id')
      .select('instance_groups.uuid')
      .where('instance_group_member.instance_uuid', '=', instanceUuid),
)

/** Where a group's servers are: what placing another of them looks at. */
export interface GroupPlaces {
  readonly id: number
  readonly policy: GroupPolicy
  readonly maxServersPerHost: number | null
  /** The hosts of its servers, by their uuids; null: nowhere yet. */
  readonly hosts: ReadonlyMap<string, string | null>
}

/** The group that a server is in, and where the others of it are; undefined when it is in none. One query. */
export async function findGroupPlaces(db: Db, instanceUuid: string): Promise<GroupPlaces | undefined> {
  const rows = await db
    .selectFrom('instance_group_member as self')
    .innerJoin('instance_groups as g', 'g.id', 'self.group_id')
    .innerJoin('instance_group_member as member', 'member.group_id', 'g.id')
    .innerJoin('instances', 'instances.uuid', 'member.instance_uuid')
    .select(['g.id', 'g.policy', 'g.max_server_per_host', 'member.instance_uuid', 'instances.host'])
    .where('self.instance_uuid', '=', instanceUuid)
    .where('instances.deleted', '=', 0)
    .orderBy('member.id')
    .execute()
  const [first] = rows
  if (!first) return undefined
  return {
    id: first.id,
    policy: first.policy as GroupPolicy,
    maxServersPerHost: first.max_server_per_host,
    hosts: new Map(
      rows.flatMap((row) => (row.instance_uuid === instanceUuid ? [] : [[row.instance_uuid, row.host]])),
    ),
  }
}

/** Of migrations whose destination is chosen, and where the server is not yet. */
const ON_THEIR_WAY: readonly MigrationStatus[] = [
  'preparing',
  'pre-migrating',
  'migrating',
  'running',
  'post-migrating',
]

/** Hosts that servers of the group, but this one, are on their way to; each as often as servers are. */
export async function listGroupDestinations(
  db: Db,
  groupId: number,
  { except }: { readonly except: string },
): Promise<string[]> {
  const rows = await db
    .selectFrom('instance_group_member as member')
    .innerJoin('instances', 'instances.uuid', 'member.instance_uuid')
    .innerJoin('migrations', 'migrations.instance_uuid', 'member.instance_uuid')
    .select('migrations.dest_compute')
    .distinct()
    .select('member.instance_uuid')
    .where('member.group_id', '=', groupId)
    .where('member.instance_uuid', '<>', except)
    .where('instances.deleted', '=', 0)
    .where('migrations.status', 'in', ON_THEIR_WAY)
    .where((eb) => eb('migrations.dest_compute', '<>', eb.fn.coalesce('instances.host', sql.lit(''))))
    .execute()
  return rows.flatMap(({ dest_compute: host }) => host ?? [])
}

/** Lets nobody else place a server of the group until the transaction ends: not even those who share a transaction. */
export async function lockServerGroup(trx: Transaction<NovaDb>, groupId: number): Promise<void> {
  requireOwnTransaction(trx)
  const query = trx.selectFrom('instance_groups').select('id').where('id', '=', groupId)
  await lockRows(dialectOf(trx), query).execute()
}
