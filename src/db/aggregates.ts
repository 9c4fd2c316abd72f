/** Host aggregates, and the availability zones they make. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { inTransaction, isUniqueViolation } from '#db/kit/index.ts'
import { conflict, notFound } from '#lib/fault.ts'
import type { Aggregate } from '#model/host/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** The key of the metadata that makes an aggregate an availability zone. */
export const AVAILABILITY_ZONE = 'availability_zone'

/** All aggregates, with hosts and metadata, in three queries. `host`: only those it is in. */
export async function listAggregates(db: Db, filters: { readonly host?: string } = {}): Promise<Aggregate[]> {
  const query = db.selectFrom('aggregates').selectAll().orderBy('id')
  const { host } = filters
  if (host === undefined) return withMembers(db, await query.execute())
  const ofHost = db.selectFrom('aggregate_hosts').select('aggregate_id').where('host', '=', host)
  return withMembers(db, await query.where('id', 'in', ofHost).execute())
}

/** An aggregate by its number, or its uuid. */
export async function findAggregate(db: Db, id: number | string): Promise<Aggregate | undefined> {
  const query = db.selectFrom('aggregates').selectAll()
  const rows = await (typeof id === 'number'
    ? query.where('id', '=', id)
    : query.where('uuid', '=', id)
  ).execute()
  return (await withMembers(db, rows))[0]
}

/** As `findAggregate`; throws notFound in Nova's words. */
export async function getAggregate(db: Db, id: number | string): Promise<Aggregate> {
  const aggregate = await findAggregate(db, id)
  if (!aggregate) throw aggregateNotFound(id)
  return aggregate
}

const aggregateNotFound = (id: number | string) => notFound(`Aggregate ${id} could not be found.`)

interface AggregateRow {
  id: number
  uuid: string
  name: string
  created_at: number
  updated_at: number | null
}

async function withMembers(db: Db, rows: readonly AggregateRow[]): Promise<Aggregate[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const hosts = await db
    .selectFrom('aggregate_hosts')
    .selectAll()
    .where('aggregate_id', 'in', ids)
    .orderBy('host')
    .execute()
  const pairs = await db
    .selectFrom('aggregate_metadata')
    .selectAll()
    .where('aggregate_id', 'in', ids)
    .orderBy('key')
    .execute()
  const hostsOf = Map.groupBy(hosts, (row) => row.aggregate_id)
  const pairsOf = Map.groupBy(pairs, (row) => row.aggregate_id)
  return rows.map((row) => ({
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    hosts: (hostsOf.get(row.id) ?? []).map(({ host }) => host),
    metadata: Object.fromEntries((pairsOf.get(row.id) ?? []).map(({ key, value }) => [key, value])),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }))
}

/** Stores an aggregate without hosts; throws conflict when its name is taken. */
export async function insertAggregate(
  db: Db,
  aggregate: Pick<Aggregate, 'uuid' | 'name' | 'metadata'>,
  options: { readonly now: number },
): Promise<Aggregate> {
  const { uuid, name, metadata } = aggregate
  return inTransaction(db, async (trx) => {
    const { id } = await trx
      .insertInto('aggregates')
      .values({ uuid, name, created_at: options.now, updated_at: null })
      .returning('id')
      .executeTakeFirstOrThrow()
      .catch((error: unknown) => refuseTwin(error, name))
    await setMetadata(trx, id, metadata)
    return { id, uuid, name, hosts: [], metadata, createdAt: options.now, updatedAt: null }
  })
}

function refuseTwin(error: unknown, name: string): never {
  if (isUniqueViolation(error)) throw conflict(`Aggregate ${name} already exists.`, { cause: error })
  throw error
}

/** Renames an aggregate and sets metadata (null removes a key). Throws notFound, conflict. */
export async function updateAggregate(
  db: Db,
  id: number,
  changes: { readonly name?: string; readonly metadata?: Readonly<Record<string, string | null>> },
  options: { readonly now: number },
): Promise<Aggregate> {
  const { name, metadata = {} } = changes
  return inTransaction(db, async (trx) => {
    await trx
      .updateTable('aggregates')
      // What is beside its name does not count as a change of it, but waits for whoever changes it.
      .set((eb) => (name === undefined ? { uuid: eb.ref('uuid') } : { name, updated_at: options.now }))
      .where('id', '=', id)
      .execute()
      .catch((error: unknown) => refuseTwin(error, name ?? ''))
    const aggregate = await getAggregate(trx, id)
    await setMetadata(trx, id, metadata)
    return Object.keys(metadata).length === 0 ? aggregate : getAggregate(trx, id)
  })
}

async function setMetadata(
  trx: Transaction<NovaDb>,
  id: number,
  metadata: Readonly<Record<string, string | null>>,
) {
  const pairs = Object.entries(metadata).map(([key, value]) => ({ aggregate_id: id, key, value }))
  const removed = pairs.filter(({ value }) => value === null).map(({ key }) => key)
  const set = pairs.flatMap(({ value, ...row }) => (value === null ? [] : [{ ...row, value }]))
  if (removed.length > 0) {
    await trx
      .deleteFrom('aggregate_metadata')
      .where('aggregate_id', '=', id)
      .where('key', 'in', removed)
      .execute()
  }
  if (set.length === 0) return
  await trx
    .insertInto('aggregate_metadata')
    .values(set)
    .onConflict((oc) => oc.columns(['aggregate_id', 'key']).doUpdateSet({ value: sql.ref('excluded.value') }))
    .execute()
}

/** Puts a host into an aggregate; throws conflict when it is in it. */
export async function insertAggregateHost(
  db: Db,
  id: number,
  host: string,
  options: { readonly now: number },
): Promise<Aggregate> {
  return inTransaction(db, async (trx) => {
    await updateAggregate(trx, id, {}, options)
    const inserted = await trx
      .insertInto('aggregate_hosts')
      .values({ aggregate_id: id, host })
      .onConflict((oc) => oc.doNothing())
      .returning('host')
      .execute()
    if (inserted.length === 0) throw conflict(`Aggregate ${id} already has host ${host}.`)
    return getAggregate(trx, id)
  })
}

/** Takes a host out of an aggregate; throws notFound when it is not in it. */
export async function removeAggregateHost(
  db: Db,
  id: number,
  host: string,
  options: { readonly now: number },
): Promise<Aggregate> {
  return inTransaction(db, async (trx) => {
    await updateAggregate(trx, id, {}, options)
    const { numDeletedRows } = await trx
      .deleteFrom('aggregate_hosts')
      .where('aggregate_id', '=', id)
      .where('host', '=', host)
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n) throw notFound(`Aggregate ${id} has no host ${host}.`)
    return getAggregate(trx, id)
  })
}

/** Removes an aggregate. Throws notFound. */
export async function removeAggregate(db: Db, id: number): Promise<void> {
  const { numDeletedRows } = await db.deleteFrom('aggregates').where('id', '=', id).executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw aggregateNotFound(id)
}

/** The availability zone of each host that is in one. A host is in one at most; the others are in the default zone. */
export async function availabilityZones(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('aggregate_hosts')
    .innerJoin('aggregate_metadata', 'aggregate_metadata.aggregate_id', 'aggregate_hosts.aggregate_id')
    .select(['aggregate_hosts.host', 'aggregate_metadata.value'])
    .where('aggregate_metadata.key', '=', AVAILABILITY_ZONE)
    .orderBy('aggregate_hosts.aggregate_id')
    .execute()
  return new Map(rows.map(({ host, value }) => [host, value]))
}

/** The availability zone of one host, or undefined: the default zone. */
export async function findAvailabilityZone(db: Db, host: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('aggregate_hosts')
    .innerJoin('aggregate_metadata', 'aggregate_metadata.aggregate_id', 'aggregate_hosts.aggregate_id')
    .select('aggregate_metadata.value')
    .where('aggregate_hosts.host', '=', host)
    .where('aggregate_metadata.key', '=', AVAILABILITY_ZONE)
    .executeTakeFirst()
  return row?.value
}
