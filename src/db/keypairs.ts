/** Key pairs: a user's public keys, by name. */
import type { Kysely, Transaction } from 'kysely'
import { isUniqueViolation } from '#db/kit/index.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import type { KeyPair } from '#model/keypair/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export async function findKeyPair(db: Db, userId: string, name: string): Promise<KeyPair | undefined> {
  const row = await db
    .selectFrom('key_pairs')
    .selectAll()
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && keyPairOf(row)
}

/** The key pair; throws notFound in Nova's words. */
export async function getKeyPair(db: Db, userId: string, name: string): Promise<KeyPair> {
  const keyPair = await findKeyPair(db, userId, name)
  if (!keyPair) throw keyPairNotFound(userId, name)
  return keyPair
}

const keyPairNotFound = (userId: string, name: string) =>
  notFound(`Keypair ${name} not found for user ${userId}`)

interface KeyPairRow {
  id: number
  user_id: string
  name: string
  type: string
  fingerprint: string
  public_key: string
  created_at: number
}

const keyPairOf = (row: KeyPairRow): KeyPair => ({
  id: row.id,
  userId: row.user_id,
  name: row.name,
  type: row.type as KeyPair['type'],
  fingerprint: row.fingerprint,
  publicKey: row.public_key,
  createdAt: row.created_at,
})

/** A user's key pairs by name, a page of them; `marker` is the last name of the page before. */
export async function listKeyPairs(
  db: Db,
  userId: string,
  page: { readonly marker?: string; readonly limit?: number } = {},
): Promise<KeyPair[]> {
  let query = db.selectFrom('key_pairs').selectAll().where('user_id', '=', userId).orderBy('name')
  if (page.marker !== undefined) {
    if (!(await findKeyPair(db, userId, page.marker)))
      throw badRequest(`Marker ${page.marker} could not be found.`)
    query = query.where('name', '>', page.marker)
  }
  if (page.limit !== undefined) query = query.limit(page.limit)
  return (await query.execute()).map(keyPairOf)
}

/** How many key pairs the user has, for the quota. */
export async function countKeyPairs(db: Db, userId: string): Promise<number> {
  const query = db.selectFrom('key_pairs').select((eb) => eb.fn.countAll<number>().as('count'))
  return (await query.where('user_id', '=', userId).executeTakeFirstOrThrow()).count
}

/** Stores a key pair; throws conflict when the user has one of that name. */
export async function insertKeyPair(
  db: Db,
  keyPair: Omit<KeyPair, 'id' | 'createdAt'>,
  options: { readonly now: number },
): Promise<KeyPair> {
  const { userId, name, type, fingerprint, publicKey } = keyPair
  const row = { user_id: userId, name, type, fingerprint, public_key: publicKey, created_at: options.now }
  try {
    return keyPairOf(await db.insertInto('key_pairs').values(row).returningAll().executeTakeFirstOrThrow())
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict(`Key pair '${name}' already exists.`, { cause: error })
    throw error
  }
}

/** Removes a key pair; its name is free again. Throws notFound. */
export async function removeKeyPair(db: Db, userId: string, name: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('key_pairs')
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw keyPairNotFound(userId, name)
}
