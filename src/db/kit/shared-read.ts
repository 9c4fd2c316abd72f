/** Reads of one database, shared by those who ask the same at the same time. */
import type { Kysely } from 'kysely'
import { createSharedReads } from '#lib/shared-reads.ts'

type Reads = ReturnType<typeof createSharedReads<unknown>>

const readsOf = new WeakMap<object, Reads>()

/**
 * What `read` yields: of one read for all who ask the same question at once, begun after each of them asked. Not for a
 * transaction. Nobody may change the answer.
 */
export function sharedRead<DB, T>(
  db: Kysely<DB>,
  question: readonly unknown[],
  read: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const reads = readsOf.get(db) ?? createSharedReads<unknown>()
  readsOf.set(db, reads)
  return reads(JSON.stringify(question), () => read(db)) as Promise<T>
}
