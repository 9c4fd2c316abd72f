/** Resource classes: the standard ones, which need no row, and the custom ones, which are rows. */
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { isUniqueViolation } from '#db/kit/index.ts'
import { isStandardResourceClass, STANDARD_RESOURCE_CLASSES } from '../standard.ts'
import { recordChanges } from './changes.ts'
import type { Db, Trx } from './providers.ts'
import { unknownNames } from './unknown-names.ts'

export interface ResourceClass {
  readonly name: string
  /** Undefined of a standard one. */
  readonly updatedAt?: number
}

/** Standard ones first, in their own order, then custom ones by name. */
export async function listResourceClasses(db: Db): Promise<ResourceClass[]> {
  const custom = await db
    .selectFrom('placement_resource_classes')
    .select(['name', 'updated_at as updatedAt'])
    .orderBy('name')
    .execute()
  return [...STANDARD_RESOURCE_CLASSES.map((name) => ({ name })), ...custom]
}

/** Throws `notFound`. */
export async function getResourceClass(db: Db, name: string): Promise<ResourceClass> {
  if (isStandardResourceClass(name)) return { name }
  const row = await db
    .selectFrom('placement_resource_classes')
    .select(['name', 'updated_at as updatedAt'])
    .where('name', '=', name)
    .executeTakeFirst()
  if (!row) throw notFound(`No such resource class ${name}.`)
  return row
}

/** The first of the names that is no class. */
export const unknownResourceClass = async (db: Db, names: readonly string[]): Promise<string | undefined> =>
  (await unknownResourceClasses(db, names))[0]

/** Those of the names that are no classes; asks the database only when a custom one is among them. */
export const unknownResourceClasses = (db: Db, names: readonly string[]): Promise<string[]> =>
  unknownNames(
    db,
    'placement_resource_classes',
    names.filter((name) => !isStandardResourceClass(name)),
  )

/** Makes a custom class; false when it was there. */
export async function insertResourceClass(db: Db, name: string, now: number): Promise<boolean> {
  const inserted = await db
    .insertInto('placement_resource_classes')
    .values({ name, created_at: now, updated_at: now })
    .onConflict((clash) => clash.doNothing())
    .returning('name')
    .executeTakeFirst()
  return inserted !== undefined
}

/** Renames a custom class wherever it is used. Throws `notFound`, `badRequest` (standard), `conflict` (name taken). */
export async function renameResourceClass(
  trx: Trx,
  name: string,
  newName: string,
  now: number,
): Promise<void> {
  if (isStandardResourceClass(name)) throw badRequest(`Cannot update standard resource class ${name}`)
  try {
    const renamed = await trx
      .updateTable('placement_resource_classes')
      .set({ name: newName, updated_at: now })
      .where('name', '=', name)
      .returning('name')
      .executeTakeFirst()
    if (!renamed) throw notFound(`No such resource class ${name}.`)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw conflict(`Resource class already exists: ${newName}`, { cause: error })
  }
  const change = { resource_class: newName }
  const holders = await trx
    .updateTable('placement_inventories')
    .set(change)
    .where('resource_class', '=', name)
    .returning('provider_id')
    .execute()
  await trx.updateTable('placement_allocations').set(change).where('resource_class', '=', name).execute()
  const ids = holders.map((each) => each.provider_id)
  await recordChanges(trx, ids, 'anything', now)
}

/** Removes a custom class. Throws `notFound`, `badRequest` (standard), `conflict` (in use). */
export async function removeResourceClass(trx: Trx, name: string): Promise<void> {
  if (isStandardResourceClass(name))
    throw badRequest(`Error in delete resource class: Cannot delete standard resource class ${name}.`)
  await getResourceClass(trx, name)
  // First, so that whoever is just making an inventory of it is waited for, and then seen.
  await trx.deleteFrom('placement_resource_classes').where('name', '=', name).execute()
  const inUse = await trx
    .selectFrom('placement_inventories')
    .select('provider_id')
    .where('resource_class', '=', name)
    .executeTakeFirst()
  if (inUse)
    throw conflict(
      `Error in delete resource class: Cannot delete resource class ${name}. Class is in use in inventory.`,
    )
}
