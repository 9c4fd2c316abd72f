/** What operations are told that is secret, and is kept no longer than they need it. */
import type { Kysely, Transaction } from 'kysely'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** Forgets what an operation was asked with, and what its commands were told, once it is not needed. */
export async function forgetParams(db: Db, id: string): Promise<void> {
  await db.updateTable('operations').set({ params: '{}' }).where('id', '=', id).execute()
  await db.updateTable('commands').set({ args: '{}' }).where('operation_id', '=', id).execute()
}

/** Forgets what an operation that is over put into its guest, and in whose name it was; what else it was asked with is kept. */
export async function forgetInjected(
  db: Db,
  { id, params }: { readonly id: string; readonly params: unknown },
): Promise<void> {
  if (typeof params !== 'object' || params === null || !('injected' in params || 'token' in params)) return
  const { injected: _forgotten, token: _token, ...rest } = params as Record<string, unknown>
  const kept = JSON.stringify(rest)
  await db.updateTable('operations').set({ params: kept }).where('id', '=', id).execute()
  const told = db.updateTable('commands').set({ args: '{}' }).where('operation_id', '=', id)
  await told.where('kind', '=', 'build').execute()
}
