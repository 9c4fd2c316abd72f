/**
 * What a transaction has read of what it seldom changes: a request for many ports asks for the same network, its subnets and
 * its project's group for each of them. Nothing is remembered longer than the transaction.
 */
import type { NeutronDb } from './store.ts'

const memories = new WeakMap<object, Map<string, Promise<unknown>>>()

/** What `read` yields, or what it did earlier in this transaction. Nobody may change an answer. */
export function remembered<T>(db: NeutronDb, key: string, read: () => Promise<T>): Promise<T> {
  if (!db.isTransaction) return read()
  const memory = memories.get(db) ?? new Map<string, Promise<unknown>>()
  memories.set(db, memory)
  const known = (memory.get(key) as Promise<T> | undefined) ?? read()
  memory.set(key, known)
  return known
}

/** The transaction changes what it may have read. */
export const forget = (db: NeutronDb): void => void memories.delete(db)
