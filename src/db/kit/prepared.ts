/**
 * Statements that come again are prepared: PostgreSQL parses and plans them once for each connection, not each
 * time, which is most of what a short statement costs it.
 */
import type { ClientBase } from 'pg'

/**
 * Ends a statement whose best plan hangs on its values: how long the page is, what a project has, how recent a
 * change. One that was prepared may get a plan for any values, and that reads and sorts the whole table.
 */
export const PLANNED_EACH_TIME = '/* planned each time */'

/** So many statements a connection keeps; what comes later is planned each time. */
const MOST_NAMES = 300
/** So many texts are remembered to see whether they come again. */
const MOST_SEEN = 2_000

/** Names for texts, the same on all connections of a pool. */
export interface StatementNames {
  /** Undefined for a text that is planned each time, and for one that came for the first time: most of those that come once have long lists in them. */
  nameOf(text: string): string | undefined
  /** Other names for all: what was prepared under the old ones is of no use any more. */
  renew(): void
}

export function createStatementNames(): StatementNames {
  let generation = 0
  let names = new Map<string, string>()
  let seen = new Set<string>()
  return {
    nameOf(text) {
      if (text.endsWith(PLANNED_EACH_TIME)) return undefined
      const known = names.get(text)
      if (known !== undefined || names.size >= MOST_NAMES) return known
      if (!seen.has(text)) {
        if (seen.size >= MOST_SEEN) seen = new Set()
        seen.add(text)
        return undefined
      }
      const name = `s${generation}_${names.size}`
      names.set(text, name)
      return name
    },
    renew() {
      generation++
      names = new Map()
    },
  }
}

/** A table that was changed by a migration yields other columns than a prepared `select *` was planned for. */
const isOutdated = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '0A000' && /cached plan/.test(error.message)

/** PostgreSQL's word for "run the transaction again". */
const SERIALIZATION_FAILURE = '40001'

/** Prepares what the client is asked again and again. */
export function prepareRepeated(client: ClientBase, names: StatementNames): void {
  const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>
  let inTransaction = false

  const run = async (text: string, values: unknown[]): Promise<unknown> => {
    const name = names.nameOf(text)
    if (name === undefined) return query(text, values)
    try {
      return await query({ name, text, values })
    } catch (error) {
      if (!isOutdated(error)) throw error
      names.renew()
      if (!inTransaction) return query(text, values)
      throw Object.assign(new Error('the schema changed meanwhile', { cause: error }), {
        code: SERIALIZATION_FAILURE,
      })
    }
  }
  const prepared = (text: unknown, values: unknown, ...rest: unknown[]): Promise<unknown> => {
    if (typeof text === 'string' && Array.isArray(values) && rest.length === 0) {
      if (values.length > 0) return run(text, values)
      if (/^(begin|start transaction)/.test(text)) inTransaction = true
      else if (text === 'commit' || text === 'rollback') inTransaction = false
    }
    return query(text, values, ...rest)
  }
  Object.assign(client, { query: prepared })
}
