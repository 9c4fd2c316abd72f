/** What operations are told that is secret, and is kept no longer than they need it. */
import type { Kysely, Transaction } from 'kysely'
import { askRows, joined } from '#db/kit/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** Forgets what an operation was asked with, and what its commands were told, once it is not needed. */
export async function forgetParams(db: Db, id: string): Promise<void> {
  await db.updateTable('operations').set({ params: '{}' }).where('id', '=', id).execute()
  await db.updateTable('commands').set({ args: '{}' }).where('operation_id', '=', id).execute()
}

/** What is kept of what an operation was asked with, but for what it put into its guest and in whose name it was; undefined: all. */
export function withoutInjected(params: unknown): object | undefined {
  if (typeof params !== 'object' || params === null || !('injected' in params || 'token' in params))
    return undefined
  const { injected: _forgotten, token: _token, ...rest } = params as Record<string, unknown>
  return rest
}

/** Forgets what an operation's builds were told. */
export const forgetTold = joined<NovaDb, string, void>({
  rank: 57,
  writes: true,
  async one(db, id) {
    const told = db.updateTable('commands').set({ args: '{}' }).where('operation_id', '=', id)
    await told.where('kind', '=', 'build').execute()
  },
  async many(db, ids) {
    const text = "update commands set args = '{}' where operation_id = any($1::text[]) and kind = 'build'"
    await askRows(db, text, [ids])
    return ids.map(() => undefined)
  },
})
