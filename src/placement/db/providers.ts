/** Resource providers and their trees: reading, listing by filter, creating, moving, removing. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { dialectOf, isUniqueViolation } from '#db/kit/index.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { type ChangeKind, recordChanges } from './changes.ts'
import {
  inAggregates,
  inAllAggregates,
  inventoryFits,
  parted,
  withAllTraits,
  withTraits,
} from './conditions.ts'
import type { PlacementTables } from './tables.ts'

export type Db = Kysely<PlacementTables>
export type Trx = Transaction<PlacementTables>

/** Whether rows read in this transaction can be kept from being changed: PostgreSQL's; SQLite has one writer anyway. */
export const sharesLocks = (db: Db): boolean => db.isTransaction && dialectOf(db) === 'postgres'

export interface Provider {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly generation: number
  readonly parentUuid: string | null
  readonly rootUuid: string
  readonly updatedAt: number
}

/** What a provider must have; every list is a conjunction. */
export interface ProviderFilter {
  readonly name?: string
  readonly uuid?: string
  /** Any provider of the tree. */
  readonly inTree?: string
  readonly resources?: ReadonlyMap<string, number>
  /** One of each list. */
  readonly requiredTraits?: readonly (readonly string[])[]
  readonly forbiddenTraits?: readonly string[]
  /** One of each list. */
  readonly memberOf?: readonly (readonly string[])[]
  readonly forbiddenAggregates?: readonly string[]
}

const selectProviders = (db: Db) =>
  db
    .selectFrom('placement_resource_providers as p')
    .innerJoin('placement_resource_providers as root', 'root.id', 'p.root_id')
    .leftJoin('placement_resource_providers as parent', 'parent.id', 'p.parent_id')
    .select([
      'p.id',
      'p.uuid',
      'p.name',
      'p.generation',
      'parent.uuid as parentUuid',
      'root.uuid as rootUuid',
      'p.updated_at as updatedAt',
    ])

/** Undefined when there is none. */
export const findProvider = (db: Db, uuid: string): Promise<Provider | undefined> =>
  selectProviders(db).where('p.uuid', '=', uuid).executeTakeFirst()

/** Throws `notFound`. */
export async function getProvider(db: Db, uuid: string): Promise<Provider> {
  const provider = await findProvider(db, uuid)
  if (!provider) throw notFound(`No resource provider with uuid ${uuid} found.`)
  return provider
}

/** A database takes a minute to plan what joins some hundreds. */
const MOST_SUBQUERIES = 40

export async function listProviders(db: Db, filter: ProviderFilter): Promise<Provider[]> {
  const traits = parted(filter.requiredTraits ?? [])
  const aggregates = parted(filter.memberOf ?? [])
  if ((filter.resources?.size ?? 0) + traits.anyOf.length + aggregates.anyOf.length > MOST_SUBQUERIES)
    throw badRequest(`More than ${MOST_SUBQUERIES} conditions cannot be met together.`)
  let query = selectProviders(db).orderBy('p.id')
  if (filter.name !== undefined) query = query.where('p.name', '=', filter.name)
  if (filter.uuid !== undefined) query = query.where('p.uuid', '=', filter.uuid)
  if (filter.inTree !== undefined) {
    const tree = db
      .selectFrom('placement_resource_providers as member')
      .select('member.root_id')
      .where('member.uuid', '=', filter.inTree)
    query = query.where('p.root_id', 'in', tree)
  }
  for (const [resourceClass, amount] of filter.resources ?? [])
    query = query.where('p.id', 'in', inventoryFits(db, resourceClass, amount))
  if (traits.all.length > 0) query = query.where('p.id', 'in', withAllTraits(db, traits.all))
  for (const anyOf of traits.anyOf) query = query.where('p.id', 'in', withTraits(db, anyOf))
  if (filter.forbiddenTraits?.length)
    query = query.where('p.id', 'not in', withTraits(db, filter.forbiddenTraits))
  if (aggregates.all.length > 0) query = query.where('p.id', 'in', inAllAggregates(db, aggregates.all))
  for (const anyOf of aggregates.anyOf) query = query.where('p.id', 'in', inAggregates(db, anyOf))
  if (filter.forbiddenAggregates?.length)
    query = query.where('p.id', 'not in', inAggregates(db, filter.forbiddenAggregates))
  return query.execute()
}

/** A provider whose row nobody else changes until the transaction ends. */
export interface LockedProvider {
  readonly id: number
  readonly uuid: string
  readonly generation: number
}

/**
 * Takes the rows of these providers, in one order for everybody, so that whatever is read of them after
 * is what is written against. Providers that do not exist are missing from the result.
 */
export async function lockProviders(
  trx: Trx,
  by: { readonly uuids?: readonly string[]; readonly ids?: readonly number[] },
): Promise<LockedProvider[]> {
  const { uuids = [], ids = [] } = by
  if (uuids.length === 0 && ids.length === 0) return []
  return trx
    .selectFrom('placement_resource_providers')
    .select(['id', 'uuid', 'generation'])
    .where((where) =>
      where.or([
        ...(uuids.length > 0 ? [where('uuid', 'in', uuids)] : []),
        ...(ids.length > 0 ? [where('id', 'in', ids)] : []),
      ]),
    )
    .orderBy('id')
    .$if(dialectOf(trx) === 'postgres', (query) => query.forUpdate())
    .execute()
}

/** One locked provider. Throws `notFound`, or `conflict` when `generation` is given and is not its own. */
export async function lockProvider(trx: Trx, uuid: string, generation?: number): Promise<LockedProvider> {
  const [provider] = await lockProviders(trx, { uuids: [uuid] })
  if (!provider) throw notFound(`No resource provider with uuid ${uuid} found.`)
  if (generation !== undefined) requireGeneration(provider, generation)
  return provider
}

/** Throws `conflict` when it is not the provider's own. */
export function requireGeneration({ uuid, generation: actual }: LockedProvider, generation: number): void {
  if (generation !== actual)
    throw conflict(
      `resource provider generation conflict for provider ${uuid}: actual: ${actual}, given: ${generation}`,
      { code: 'placement.concurrent_update' },
    )
}

/** Says that something of these locked providers changed: to those who wrote against them, and to those who keep them in memory. */
export async function bumpGenerations(
  trx: Trx,
  ids: readonly number[],
  now: number,
  kind: ChangeKind = 'anything',
): Promise<void> {
  if (ids.length === 0) return
  await trx
    .updateTable('placement_resource_providers')
    .set({ generation: sql`generation + 1`, updated_at: now })
    .where('id', 'in', ids)
    .execute()
  await recordChanges(trx, ids, kind, now)
}

export interface NewProvider {
  readonly uuid: string
  readonly name: string
  readonly parentUuid: string | null
}

/** Throws `conflict` when the name or uuid is taken, `badRequest` when the parent is not there. */
export async function insertProvider(trx: Trx, provider: NewProvider, now: number): Promise<void> {
  if (provider.parentUuid !== null) await lockTrees(trx)
  const unable = `Unable to create resource provider "${provider.name}", ${provider.uuid}:`
  if (provider.parentUuid === provider.uuid)
    throw badRequest(
      `${unable} parent provider UUID cannot be same as UUID. Please set parent provider UUID to None for a root provider or set it to the UUID of an existing provider.`,
    )
  const parent = provider.parentUuid === null ? undefined : await placeOf(trx, provider.parentUuid)
  if (provider.parentUuid !== null && !parent)
    throw badRequest(`${unable} parent provider UUID does not exist.`)
  const inserted = await trx
    .insertInto('placement_resource_providers')
    .values({
      uuid: provider.uuid,
      name: provider.name,
      generation: 0,
      parent_id: parent?.id ?? null,
      root_id: parent?.root_id ?? 0,
      created_at: now,
      updated_at: now,
    })
    .onConflict((clash) => clash.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!inserted) throw await nameTaken(trx, provider)
  if (!parent)
    await trx
      .updateTable('placement_resource_providers')
      .set({ root_id: inserted.id })
      .where('id', '=', inserted.id)
      .execute()
  await recordChanges(trx, [inserted.id], 'anything', now)
}

async function nameTaken(trx: Trx, provider: NewProvider): Promise<Error> {
  const sameUuid = await placeOf(trx, provider.uuid)
  const what = sameUuid ? `uuid: ${provider.uuid}` : `name: ${provider.name}`
  return conflict(`Conflicting resource provider ${what} already exists.`, {
    code: 'placement.duplicate_name',
  })
}

/** An arbitrary number that all of our processes agree on. */
const TREES_LOCK = 7_305_114_019

/** Those who change the shape of trees take turns: two moves at once could close a loop. SQLite's writers do so anyway. */
async function lockTrees(trx: Trx): Promise<void> {
  if (dialectOf(trx) === 'postgres')
    await sql`select pg_advisory_xact_lock(${sql.lit(TREES_LOCK)})`.execute(trx)
}

const placeOf = (trx: Trx, uuid: string) =>
  trx
    .selectFrom('placement_resource_providers')
    .select(['id', 'uuid', 'parent_id', 'root_id'])
    .where('uuid', '=', uuid)
    .$if(dialectOf(trx) === 'postgres', (query) => query.forUpdate())
    .executeTakeFirst()

export interface ProviderChange {
  readonly name: string
  /** Undefined leaves it where it is. */
  readonly parentUuid?: string | null
  /** Whether one that has a parent may be given another, or none. */
  readonly mayMove: boolean
}

/** Renames and moves. Throws `notFound`, `conflict` (name taken) or `badRequest` (a parent it cannot have). */
export async function updateProvider(
  trx: Trx,
  uuid: string,
  change: ProviderChange,
  now: number,
): Promise<void> {
  if (change.parentUuid !== undefined) await lockTrees(trx)
  const provider = await placeOf(trx, uuid)
  if (!provider) throw notFound(`No resource provider with uuid ${uuid} found.`)
  if (change.parentUuid !== undefined) await moveProvider(trx, provider, change, now)
  try {
    await trx
      .updateTable('placement_resource_providers')
      .set({ name: change.name, updated_at: now })
      .where('id', '=', provider.id)
      .execute()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw conflict(`Conflicting resource provider ${change.name} already exists.`, {
      code: 'placement.duplicate_name',
      cause: error,
    })
  }
}

type Place = NonNullable<Awaited<ReturnType<typeof placeOf>>>

async function moveProvider(
  trx: Trx,
  provider: Place,
  { parentUuid = null, mayMove }: ProviderChange,
  now: number,
): Promise<void> {
  const refuse = (why: string) => badRequest(`Unable to save resource provider ${provider.uuid}: ${why}`)
  const parent = parentUuid === null ? undefined : await placeOf(trx, parentUuid)
  if (parentUuid !== null && !parent) throw refuse('parent provider UUID does not exist.')
  if ((parent?.id ?? null) === provider.parent_id) return
  if (provider.parent_id !== null && !mayMove)
    throw refuse(`${parent ? 're-parenting' : 'un-parenting'} a provider is not currently allowed.`)
  const subtree = await subtreeOf(trx, provider)
  if (parent && subtree.includes(parent.id))
    throw refuse('creating loop in the provider tree is not allowed.')
  await trx
    .updateTable('placement_resource_providers')
    .set({ parent_id: parent?.id ?? null })
    .where('id', '=', provider.id)
    .execute()
  await trx
    .updateTable('placement_resource_providers')
    .set({ root_id: parent?.root_id ?? provider.id })
    .where('id', 'in', subtree)
    .execute()
  await recordChanges(trx, subtree, 'anything', now)
}

/** The ids of a provider and all below it. */
async function subtreeOf(trx: Trx, provider: Place): Promise<number[]> {
  const members = await trx
    .selectFrom('placement_resource_providers')
    .select(['id', 'parent_id'])
    .where('root_id', '=', provider.root_id)
    .execute()
  const found = [provider.id]
  for (const id of found)
    found.push(...members.filter((each) => each.parent_id === id).map((each) => each.id))
  return found
}

/** Removes a provider with its inventories and labels. Throws `notFound`, or `conflict` when it has allocations or children. */
export async function removeProvider(trx: Trx, uuid: string, now: number): Promise<void> {
  const provider = await lockProvider(trx, uuid)
  const child = await trx
    .selectFrom('placement_resource_providers')
    .select('id')
    .where('parent_id', '=', provider.id)
    .executeTakeFirst()
  if (child)
    throw conflict(`Unable to delete parent resource provider ${uuid}: It has child resource providers.`, {
      code: 'placement.resource_provider.cannot_delete_parent',
    })
  const allocation = await trx
    .selectFrom('placement_allocations')
    .select('consumer_id')
    .where('provider_id', '=', provider.id)
    .executeTakeFirst()
  if (allocation)
    throw conflict(`Unable to delete resource provider ${uuid}: Resource provider has allocations.`, {
      code: 'placement.resource_provider.inuse',
    })
  await trx.deleteFrom('placement_inventories').where('provider_id', '=', provider.id).execute()
  await trx.deleteFrom('placement_provider_traits').where('provider_id', '=', provider.id).execute()
  await trx.deleteFrom('placement_provider_aggregates').where('provider_id', '=', provider.id).execute()
  await trx.deleteFrom('placement_resource_providers').where('id', '=', provider.id).execute()
  await recordChanges(trx, [provider.id], 'anything', now)
}
