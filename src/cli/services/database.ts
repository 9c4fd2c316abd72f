/** Nova's database as nova.conf names it, and whether its tables are this release's. */
import { sql } from 'kysely'
import type { Config } from '#config/index.ts'
import { type Database, isDatabaseAway, newestOf, openDatabase, tablesVersion } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { Log } from '#lib/log.ts'
import type { Clock } from '#lib/clock.ts'
import { UsageError } from '../arguments.ts'

const SET = 'nova'

/** One database holds what Nova spreads over two: `[database]`, else `[api_database]`. Throws `UsageError` when neither is set. */
export function openNovaDatabase({ database, api_database: api }: Config, log?: Log): Database {
  const url = database.connection ?? api.connection
  if (url === null) throw new UsageError('[database] connection is not set')
  return openDatabase(url, {
    maxConnections: database.max_pool_size + Math.max(0, database.max_overflow),
    ...(log && { onIdleError: (err) => log.warn({ err }, 'a connection to the database broke') }),
  })
}

export const novaVersion = (db: Database): Promise<number> => tablesVersion(db, SET)

/** Brings the tables up to date; safe when several do so at once. */
export const syncNova = (db: Database): Promise<void> => db.migrate(SET, NOVA_MIGRATIONS)

/** Throws `UsageError`, with what to do, when the tables are not of this release. */
export async function requireSchema(db: Database): Promise<void> {
  const [there, known] = [await novaVersion(db), newestOf(NOVA_MIGRATIONS)]
  if (there < known) {
    const state = there === 0 ? 'the database has no tables of Nova' : `the tables have version ${there}`
    throw new UsageError(`${state}; this release works with ${known}: run "nova-manage db sync"`)
  }
  if (there > known)
    throw new UsageError(
      `the tables have version ${there}, of a newer release; this one works with ${known}: install the newer one here too`,
    )
}

/** So long a service that starts waits for its database; then it ends, and whoever supervises it starts it again. */
const PATIENCE_MS = 30_000
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 500

/** As `requireSchema`, once the database answers: one that starts up at the same time is waited for. */
export async function awaitSchema(
  db: Database,
  {
    clock,
    log,
    signal,
  }: { readonly clock: Clock; readonly log: Log; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const end = clock.now() + PATIENCE_MS
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      await requireSchema(db)
      return
    } catch (error) {
      if (!isDatabaseAway(error) || clock.now() > end) throw error
      if (pauseMs === FIRST_PAUSE_MS) log.warn({ err: error }, 'waiting for the database')
      await clock.sleep(pauseMs, signal)
    }
  }
}

/** Rejects when the database does not answer. */
export async function databaseAnswers(db: Database): Promise<void> {
  await sql`select 1`.execute(db.typed())
}
