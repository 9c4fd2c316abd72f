/** Traits: the standard ones, which need no row, the custom ones, and which provider has which. */
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { isStandardTrait, STANDARD_TRAITS } from '../standard.ts'
import { bumpGenerations, type Db, lockProvider, type Trx } from './providers.ts'
import { unknownNames } from './unknown-names.ts'

export interface Trait {
  readonly name: string
  /** Undefined of a standard one. */
  readonly createdAt?: number
}

export interface TraitFilter {
  readonly names?: readonly string[]
  readonly prefix?: string
  /** Only those that some provider has, or none. */
  readonly associated?: boolean
}

/** Standard and custom traits together, by name. */
export async function listTraits(db: Db, filter: TraitFilter): Promise<Trait[]> {
  const custom = await db.selectFrom('placement_traits').select(['name', 'created_at as createdAt']).execute()
  const all: Trait[] = [...STANDARD_TRAITS.map((name) => ({ name })), ...custom]
  const names = filter.names && new Set(filter.names)
  const used = filter.associated === undefined ? undefined : await traitsInUse(db)
  return all
    .filter(({ name }) => names?.has(name) ?? true)
    .filter(({ name }) => name.startsWith(filter.prefix ?? ''))
    .filter(({ name }) => used === undefined || used.has(name) === filter.associated)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function traitsInUse(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('placement_provider_traits').select('trait').distinct().execute()
  return new Set(rows.map((row) => row.trait))
}

/** Throws `notFound`. */
export async function getTrait(db: Db, name: string): Promise<Trait> {
  if (isStandardTrait(name)) return { name }
  const row = await db
    .selectFrom('placement_traits')
    .select(['name', 'created_at as createdAt'])
    .where('name', '=', name)
    .executeTakeFirst()
  if (!row) throw notFound(`No such trait(s): ${name}.`)
  return row
}

/** Those of the names that are no traits; asks the database only when a custom one is among them. */
export const unknownTraits = (db: Db, names: readonly string[]): Promise<string[]> =>
  unknownNames(
    db,
    'placement_traits',
    names.filter((name) => !isStandardTrait(name)),
  )

/** Makes a custom trait; false when it was there. */
export async function insertTrait(db: Db, name: string, now: number): Promise<boolean> {
  const inserted = await db
    .insertInto('placement_traits')
    .values({ name, created_at: now })
    .onConflict((clash) => clash.doNothing())
    .returning('name')
    .executeTakeFirst()
  return inserted !== undefined
}

/** Throws `notFound`, `badRequest` (standard), `conflict` (some provider has it). */
export async function removeTrait(trx: Trx, name: string): Promise<void> {
  if (isStandardTrait(name)) throw badRequest(`Cannot delete standard trait ${name}.`)
  await getTrait(trx, name)
  // First, so that whoever is just giving it to a provider is waited for, and then seen.
  await trx.deleteFrom('placement_traits').where('name', '=', name).execute()
  const inUse = await trx
    .selectFrom('placement_provider_traits')
    .select('provider_id')
    .where('trait', '=', name)
    .executeTakeFirst()
  if (inUse) throw conflict(`The trait ${name} is in use by a resource provider.`)
}

/** By name. */
export const listProviderTraits = async (db: Db, providerId: number): Promise<string[]> => {
  const rows = await db
    .selectFrom('placement_provider_traits')
    .select('trait')
    .where('provider_id', '=', providerId)
    .orderBy('trait')
    .execute()
  return rows.map((row) => row.trait)
}

/**
 * Makes the provider's traits exactly these. Throws `notFound`, `conflict` (another generation),
 * `badRequest` (an unknown trait). Answers the new generation, which is the old one when nothing changed.
 */
export async function replaceProviderTraits(
  trx: Trx,
  uuid: string,
  generation: number | undefined,
  traits: readonly string[],
  now: number,
): Promise<number> {
  const provider = await lockProvider(trx, uuid, generation)
  const unknown = await unknownTraits(trx, traits)
  if (unknown.length > 0) throw badRequest(`No such trait ${unknown.join(', ')}`)
  const before = await listProviderTraits(trx, provider.id)
  const wanted = new Set(traits)
  const going = before.filter((trait) => !wanted.has(trait))
  const coming = [...wanted].filter((trait) => !before.includes(trait))
  if (going.length === 0 && coming.length === 0) return provider.generation
  if (going.length > 0)
    await trx
      .deleteFrom('placement_provider_traits')
      .where('provider_id', '=', provider.id)
      .where('trait', 'in', going)
      .execute()
  if (coming.length > 0)
    await trx
      .insertInto('placement_provider_traits')
      .values(coming.map((trait) => ({ provider_id: provider.id, trait })))
      .execute()
  await bumpGenerations(trx, [provider.id], now)
  return provider.generation + 1
}
