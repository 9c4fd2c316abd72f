/** Inventories: what a provider has of each resource class, and how much of it is used. */
import { sql } from 'kysely'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { bumpGenerations, type Db, type LockedProvider, lockProvider, type Trx } from './providers.ts'
import { getResourceClass, unknownResourceClass } from './resource-classes.ts'

export interface Inventory {
  readonly resourceClass: string
  readonly total: number
  readonly reserved: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
  readonly allocationRatio: number
}

export interface StoredInventory extends Inventory {
  readonly used: number
  readonly updatedAt: number
}

/** What a provider can give of a class in all; an integer, without its fraction. */
export const capacityOf = (inventory: Pick<Inventory, 'total' | 'reserved' | 'allocationRatio'>): number =>
  Math.trunc((inventory.total - inventory.reserved) * inventory.allocationRatio)

const columns = [
  'resource_class as resourceClass',
  'total',
  'reserved',
  'min_unit as minUnit',
  'max_unit as maxUnit',
  'step_size as stepSize',
  'allocation_ratio as allocationRatio',
  'used',
  'updated_at as updatedAt',
] as const

/** In the order of the classes' names. */
export const listInventories = (db: Db, providerId: number): Promise<StoredInventory[]> =>
  db
    .selectFrom('placement_inventories')
    .select(columns)
    .where('provider_id', '=', providerId)
    .orderBy('resource_class')
    .execute()

/**
 * Makes the provider's inventories exactly these. Throws `notFound`, `conflict` (another generation, or a
 * class that would go is in use), `badRequest` (an unknown class). Answers the new generation.
 */
export async function replaceInventories(
  trx: Trx,
  uuid: string,
  generation: number | undefined,
  inventories: readonly Inventory[],
  now: number,
): Promise<number> {
  const provider = await lockProvider(trx, uuid, generation)
  await putInventories(trx, provider, inventories, now)
  await removeOtherInventories(trx, provider, inventories)
  await bumpGenerations(trx, [provider.id], now)
  return provider.generation + 1
}

/** Writes these inventories of a locked provider and leaves the others. Throws `badRequest` for an unknown class. */
export async function putInventories(
  trx: Trx,
  provider: LockedProvider,
  inventories: readonly Inventory[],
  now: number,
): Promise<void> {
  if (inventories.length === 0) return
  const unknown = await unknownResourceClass(
    trx,
    inventories.map((each) => each.resourceClass),
  )
  if (unknown !== undefined)
    throw badRequest(
      `Unknown resource class in inventory for resource provider ${provider.uuid}: No such resource class ${unknown}.`,
    )
  await trx
    .insertInto('placement_inventories')
    .values(inventories.map((inventory) => rowOf(provider.id, inventory, now)))
    .onConflict((clash) =>
      clash.columns(['provider_id', 'resource_class']).doUpdateSet({
        total: sql`excluded.total`,
        reserved: sql`excluded.reserved`,
        min_unit: sql`excluded.min_unit`,
        max_unit: sql`excluded.max_unit`,
        step_size: sql`excluded.step_size`,
        allocation_ratio: sql`excluded.allocation_ratio`,
        updated_at: sql`excluded.updated_at`,
      }),
    )
    .execute()
}

const rowOf = (providerId: number, inventory: Inventory, now: number) => ({
  provider_id: providerId,
  resource_class: inventory.resourceClass,
  total: inventory.total,
  reserved: inventory.reserved,
  min_unit: inventory.minUnit,
  max_unit: inventory.maxUnit,
  step_size: inventory.stepSize,
  allocation_ratio: inventory.allocationRatio,
  used: 0,
  created_at: now,
  updated_at: now,
})

/** Removes the locked provider's inventories but those of the classes in `kept`. Throws `conflict` when one is in use. */
export async function removeOtherInventories(
  trx: Trx,
  provider: LockedProvider,
  kept: readonly Inventory[],
): Promise<void> {
  const staying = kept.map((each) => each.resourceClass)
  const going = await trx
    .selectFrom('placement_inventories')
    .select(['resource_class', 'used'])
    .where('provider_id', '=', provider.id)
    .$if(staying.length > 0, (query) => query.where('resource_class', 'not in', staying))
    .orderBy('resource_class')
    .execute()
  const inUse = going.filter((each) => each.used > 0).map((each) => each.resource_class)
  // Nova's report client reads the classes out of this sentence.
  if (inUse.length > 0)
    throw conflict(`Inventory for '${inUse.join(', ')}' on resource provider '${provider.uuid}' in use.`, {
      code: 'placement.inventory.inuse',
    })
  if (going.length === 0) return
  await trx
    .deleteFrom('placement_inventories')
    .where('provider_id', '=', provider.id)
    .where(
      'resource_class',
      'in',
      going.map((each) => each.resource_class),
    )
    .execute()
}

/** Adds one inventory. Throws `notFound`, `conflict` (it is there already), `badRequest` (unknown class). */
export async function insertInventory(
  trx: Trx,
  uuid: string,
  inventory: Inventory,
  now: number,
): Promise<number> {
  const provider = await lockProvider(trx, uuid)
  if (await hasInventory(trx, provider, inventory.resourceClass))
    throw conflict(`Update conflict: Inventory of class ${inventory.resourceClass} is there already.`, {
      code: 'placement.concurrent_update',
    })
  await putInventories(trx, provider, [inventory], now)
  await bumpGenerations(trx, [provider.id], now)
  return provider.generation + 1
}

/** Changes one inventory. Throws `notFound` (provider, class), `conflict` (generation), `badRequest` when there is no such inventory. */
export async function updateInventory(
  trx: Trx,
  uuid: string,
  generation: number,
  inventory: Inventory,
  now: number,
): Promise<number> {
  const provider = await lockProvider(trx, uuid, generation)
  if (!(await hasInventory(trx, provider, inventory.resourceClass))) {
    await getResourceClass(trx, inventory.resourceClass)
    throw badRequest(
      `No inventory record with resource class for resource provider ${uuid}: No inventory of class ${inventory.resourceClass} found.`,
    )
  }
  await putInventories(trx, provider, [inventory], now)
  await bumpGenerations(trx, [provider.id], now)
  return provider.generation + 1
}

/** Removes one inventory. Throws `notFound`, or `conflict` when it is in use. */
export async function removeInventory(
  trx: Trx,
  uuid: string,
  resourceClass: string,
  now: number,
): Promise<void> {
  const provider = await lockProvider(trx, uuid)
  const found = await hasInventory(trx, provider, resourceClass)
  if (!found) throw notFound(`No inventory of class ${resourceClass} found for delete.`)
  if (found.used > 0)
    throw conflict(
      `Unable to delete inventory of class ${resourceClass}: Inventory for '${resourceClass}' on resource provider '${uuid}' in use.`,
      { code: 'placement.concurrent_update' },
    )
  await trx
    .deleteFrom('placement_inventories')
    .where('provider_id', '=', provider.id)
    .where('resource_class', '=', resourceClass)
    .execute()
  await bumpGenerations(trx, [provider.id], now)
}

const hasInventory = (trx: Trx, provider: LockedProvider, resourceClass: string) =>
  trx
    .selectFrom('placement_inventories')
    .select('used')
    .where('provider_id', '=', provider.id)
    .where('resource_class', '=', resourceClass)
    .executeTakeFirst()
