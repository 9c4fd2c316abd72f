/** Console tokens: one opening of one console each, for a while. Only a token's hash is stored. */
import { createHash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { askRows, joined } from '#db/kit/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface ConsoleToken {
  readonly instanceUuid: string
  /** `novnc`, `serial` … */
  readonly consoleType: string
  /** The proxy's address, as it was given to the caller: where a request must come from. */
  readonly accessUrlBase: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly usedAt: number | null
}

export type ConsoleTokenVerdict =
  | { readonly verdict: 'valid'; readonly token: ConsoleToken }
  | { readonly verdict: 'unknown' | 'expired' | 'used' }

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Stores a token. The caller made it (`ids.secret`) and is the only one to know it. */
export async function insertConsoleToken(
  db: Db,
  token: string,
  about: Pick<ConsoleToken, 'instanceUuid' | 'consoleType' | 'accessUrlBase' | 'expiresAt'>,
  options: { readonly now: number },
): Promise<void> {
  await db
    .insertInto('console_auth_tokens')
    .values({
      token_hash: hashOf(token),
      instance_uuid: about.instanceUuid,
      console_type: about.consoleType,
      access_url_base: about.accessUrlBase,
      created_at: options.now,
      expires_at: about.expiresAt,
      used_at: null,
    })
    .execute()
}

/** What a token is good for now, without using it up. */
export async function checkConsoleToken(
  db: Db,
  token: string,
  options: { readonly now: number },
): Promise<ConsoleTokenVerdict> {
  const row = await db
    .selectFrom('console_auth_tokens')
    .selectAll()
    .where('token_hash', '=', hashOf(token))
    .executeTakeFirst()
  if (!row) return { verdict: 'unknown' }
  if (row.used_at !== null) return { verdict: 'used' }
  return row.expires_at <= options.now ? { verdict: 'expired' } : { verdict: 'valid', token: tokenOf(row) }
}

/** Uses the token up: of several at once, exactly one hears `valid`. */
export async function consumeConsoleToken(
  db: Db,
  token: string,
  options: { readonly now: number },
): Promise<ConsoleTokenVerdict> {
  const row = await db
    .updateTable('console_auth_tokens')
    .set({ used_at: options.now })
    .where('token_hash', '=', hashOf(token))
    .where('used_at', 'is', null)
    .where('expires_at', '>', options.now)
    .returningAll()
    .executeTakeFirst()
  return row ? { verdict: 'valid', token: tokenOf(row) } : checkConsoleToken(db, token, options)
}

type Row = Awaited<ReturnType<typeof rowsOf>>[number]
const rowsOf = (db: Db) => db.selectFrom('console_auth_tokens').selectAll().execute()

const tokenOf = (row: Row): ConsoleToken => ({
  instanceUuid: row.instance_uuid,
  consoleType: row.console_type,
  accessUrlBase: row.access_url_base,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  usedAt: row.used_at,
})

/** Removes an instance's tokens: it goes, or moves to another host. */
export const removeConsoleTokens = joined<NovaDb, string, void>({
  rank: 30,
  writes: true,
  async one(db, instanceUuid) {
    await db.deleteFrom('console_auth_tokens').where('instance_uuid', '=', instanceUuid).execute()
  },
  async many(db, uuids) {
    await askRows(db, 'delete from console_auth_tokens where instance_uuid = any($1::text[])', [uuids])
    return uuids.map(() => undefined)
  },
})

/** Removes tokens that ended before `before`; answers how many. */
export async function purgeConsoleTokens(db: Db, options: { readonly before: number }): Promise<number> {
  const query = db.deleteFrom('console_auth_tokens').where('expires_at', '<', options.before)
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}
