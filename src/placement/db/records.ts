/** Providers as the engine keeps them: with all they have, a page of them or some by id, in a fixed number of queries. */
import { sql } from 'kysely'
import { dialectOf } from '#db/kit/index.ts'
import type { ProviderRecord } from '../engine/world.ts'
import type { Room } from '../engine/rooms.ts'
import { capacityOf } from './inventories.ts'
import type { Db } from './providers.ts'

/** Ids in one query: databases have limits, and their plans for long lists are poor. */
const IDS_AT_ONCE = 500

/** The providers that come after the id `after`, in the order of their ids; at most `limit`. */
export async function loadPage(db: Db, after: number, limit: number): Promise<ProviderRecord[]> {
  const providers = await selectProviders(db).where('id', '>', after).limit(limit).execute()
  const last = providers.at(-1)
  if (!last) return []
  return withRest(db, providers, { after, upTo: last.id })
}

/** Those of the providers that are there. */
export async function loadSome(db: Db, ids: readonly number[]): Promise<ProviderRecord[]> {
  const records: ProviderRecord[] = []
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const some = ids.slice(at, at + IDS_AT_ONCE)
    const providers = await selectProviders(db).where('id', 'in', some).execute()
    records.push(...(await withRest(db, providers, { ids: some })))
  }
  return records
}

export interface Usage {
  readonly providerId: number
  readonly resourceClass: string
  readonly used: number
}

/** How much is used of each inventory of the providers. */
export async function loadUsages(db: Db, ids: readonly number[]): Promise<Usage[]> {
  const usages: Usage[] = []
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const some = await db
      .selectFrom('placement_inventories')
      .select(['provider_id as providerId', 'resource_class as resourceClass', 'used'])
      .where('provider_id', 'in', ids.slice(at, at + IDS_AT_ONCE))
      .execute()
    usages.push(...some)
  }
  return usages
}

const selectProviders = (db: Db) =>
  db
    .selectFrom('placement_resource_providers')
    .select(['id', 'uuid', 'parent_id as parentId', 'root_id as rootId'])
    .orderBy('id')

/** The providers meant, by a range of ids or one by one. */
type Which = { readonly after: number; readonly upTo: number } | { readonly ids: readonly number[] }

type StoredProvider = Pick<ProviderRecord, 'id' | 'uuid' | 'parentId' | 'rootId'>

async function withRest(
  db: Db,
  providers: readonly StoredProvider[],
  which: Which,
): Promise<ProviderRecord[]> {
  const rooms = Map.groupBy(await loadRooms(db, which), (row) => row.providerId)
  const traits = await loadLabels(db, 'placement_provider_traits', 'trait', which)
  const aggregates = await loadLabels(db, 'placement_provider_aggregates', 'aggregate_uuid', which)
  return providers.map((provider) => ({
    ...provider,
    rooms: rooms.get(provider.id) ?? [],
    traits: traits.get(provider.id) ?? '',
    aggregates: aggregates.get(provider.id) ?? '',
  }))
}

const condition = (which: Which) =>
  'ids' in which
    ? sql<boolean>`provider_id in (${sql.join(which.ids)})`
    : sql<boolean>`provider_id > ${which.after} and provider_id <= ${which.upTo}`

async function loadRooms(db: Db, which: Which): Promise<(Room & { readonly providerId: number })[]> {
  const rows = await db
    .selectFrom('placement_inventories')
    .select([
      'provider_id as providerId',
      'resource_class as resourceClass',
      'total',
      'reserved',
      'min_unit as minUnit',
      'max_unit as maxUnit',
      'step_size as stepSize',
      'allocation_ratio as allocationRatio',
      'used',
    ])
    .where(condition(which))
    .execute()
  return rows.map((row) => ({
    providerId: row.providerId,
    resourceClass: row.resourceClass,
    capacity: capacityOf(row),
    used: row.used,
    minUnit: row.minUnit,
    maxUnit: row.maxUnit,
    stepSize: row.stepSize,
  }))
}

/**
 * Joined in the database: hosts have dozens of traits each, and most have the same. In one order, so that equal
 * sets have equal texts; SQLite reads them in the order of their index, and would sort them again if told to.
 */
async function loadLabels(
  db: Db,
  table: 'placement_provider_traits' | 'placement_provider_aggregates',
  column: 'trait' | 'aggregate_uuid',
  which: Which,
): Promise<ReadonlyMap<number, string>> {
  const order = dialectOf(db) === 'postgres' ? sql` order by ${sql.ref(column)}` : sql``
  const { rows } = await sql<{ providerId: number; names: string }>`
    select provider_id as "providerId", string_agg(${sql.ref(column)}, ','${order}) as names
    from ${sql.table(table)} where ${condition(which)} group by provider_id`.execute(db)
  return new Map(rows.map(({ providerId, names }) => [providerId, names]))
}
