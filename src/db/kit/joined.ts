/**
 * Statements of many who ask for the same at the same time, joined into one: what a short statement costs is
 * the way there and back. PostgreSQL only; on SQLite there is no way to go, and each is asked alone.
 */
import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import { dialectOf } from './dialect.ts'

type Db<DB> = Kysely<DB> | Transaction<DB>

/** A statement that can be asked for one and for many. */
export interface Joinable<DB, I, O> {
  /** Of several kinds that wait in one transaction, the one with the lowest is asked first. */
  readonly rank: number
  /** Left out: it only reads. */
  readonly writes?: boolean
  /** Which row an input locks, where two may meet others' in another order: the same order for all is no deadlock. */
  keyOf?(input: I): string
  /** In any dialect. */
  one(db: Db<DB>, input: I): Promise<O>
  /** In PostgreSQL's: an answer for each input, in their order. */
  many(db: Db<DB>, inputs: readonly I[]): Promise<readonly O[]>
}

/** Where the calls of those who share a transaction, or a database, meet. */
interface Meeting {
  ask<DB, I, O>(kind: Joinable<DB, I, O>, input: I): Promise<O>
}

const meetings = new WeakMap<object, Meeting>()

/** The joined form of a statement. Within a shared transaction it meets those of the others there. */
export function joined<DB, I, O>(kind: Joinable<DB, I, O>): (db: Db<DB>, input: I) => Promise<O> {
  return (db, input) => meetings.get(db)?.ask(kind, input) ?? kind.one(db, input)
}

/** As `joined`, also outside of transactions: who asks while others are answered is part of the next question. */
export function gathered<DB, I, O>(kind: Joinable<DB, I, O>): (db: Db<DB>, input: I) => Promise<O> {
  return (db, input) => {
    const known = meetings.get(db)
    if (known) return known.ask(kind, input)
    if (db.isTransaction || dialectOf(db) !== 'postgres') return kind.one(db, input)
    const made = meetingOf(db, { isolates: true })
    meetings.set(db, made)
    return made.ask(kind, input)
  }
}

/** The handle's calls meet at the meeting. */
export const meetAt = (handle: object, meeting: Meeting): void => void meetings.set(handle, meeting)

interface Waiting {
  readonly input: unknown
  resolve(output: unknown): void
  reject(error: unknown): void
}

interface Queue {
  readonly kind: Joinable<unknown, unknown, unknown>
  readonly waiting: Waiting[]
}

const inOrder = <T>(all: readonly T[], keyOf: (one: T) => string): T[] => {
  const keyed = all.map((one) => ({ one, key: keyOf(one) }))
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ one }) => one)
}

/** The next turn of the event loop: whoever had an answer has gone on as far as it can. */
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/**
 * A meeting that asks on `db`, one question at a time. `isolates`: when what was joined fails, each is asked alone;
 * left out, all fail, as all in a transaction do.
 */
export function meetingOf<DB>(
  db: Db<DB>,
  { isolates = false }: { readonly isolates?: boolean } = {},
): Meeting {
  const queues = new Map<unknown, Queue>()
  let asking = false

  async function answer({ kind, waiting }: Queue): Promise<void> {
    const { keyOf } = kind
    const asked = keyOf ? inOrder(waiting, ({ input }) => keyOf(input)) : waiting
    const inputs = asked.map(({ input }) => input)
    try {
      const outputs = await kind.many(db as Db<unknown>, inputs)
      for (const [at, each] of asked.entries()) each.resolve(outputs[at])
    } catch (error) {
      if (!isolates || asked.length === 1) for (const each of asked) each.reject(error)
      else
        for (const each of asked)
          await kind.one(db as Db<unknown>, each.input).then(each.resolve, each.reject)
    }
  }

  async function askAll(): Promise<void> {
    asking = true
    for (;;) {
      await nextTurn()
      const [first] = [...queues.values()].sort((a, b) => a.kind.rank - b.kind.rank)
      if (!first) break
      queues.delete(first.kind)
      await answer(first)
    }
    asking = false
  }

  return {
    ask<D, I, O>(kind: Joinable<D, I, O>, input: I): Promise<O> {
      return new Promise<O>((resolve, reject) => {
        const queue = queues.get(kind) ?? { kind: kind as unknown as Queue['kind'], waiting: [] }
        queues.set(kind, queue)
        queue.waiting.push({ input, resolve, reject })
        if (!asking) void askAll()
      })
    },
  }
}

/**
 * A condition that rows are not looked for by, but only checked for. Of a table that was never analyzed PostgreSQL expects that
 * a single row is alive: it looked up those few by their index, which were all, and not the rows that were named.
 */
export const onlyChecked = (condition: string): string => `(${condition}) is true`

/** Asks a statement that is written out, with nothing to compile. */
export async function askRows<R>(
  db: { executeQuery: Kysely<unknown>['executeQuery'] },
  text: string,
  values: readonly unknown[],
): Promise<R[]> {
  return (await db.executeQuery<R>(CompiledQuery.raw(text, [...values]))).rows
}
