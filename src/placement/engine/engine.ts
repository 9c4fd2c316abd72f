/**
 * The engine: providers in memory, following the database. It loads them once, page by page and in the
 * background; then, whenever it is asked, it looks what changed since. Claims do not rely on it: what it
 * knows can only be late, and who acts on that is refused by the database.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { repeat, type Repeated } from '#lib/repeat.ts'
import { type Change, type Look, readChanges, trimChanges } from '../db/changes.ts'
import { loadPage, loadSome, loadUsages } from '../db/records.ts'
import type { PlacementTables } from '../db/tables.ts'
import { type Place, World } from './world.ts'

export interface Engine {
  /** All providers, as they were in the database when this was called, or later. */
  current(): Promise<World>
  /** Loads, and from then on looks after itself; what fails is logged and tried again. */
  start(): void
  /** How much is held in memory; nothing before the first look. */
  sizes(): Readonly<Record<string, number>>
  close(): Promise<void>
}

export interface EngineOptions {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
}

const PAGE = 1_000
/** An engine that nobody asks looks by itself this often, and trims what all have seen. */
const IDLE_MS = 30_000
const TRIM_AFTER_MS = 300_000

/** A world and how far it has followed the changes. */
interface Followed {
  readonly world: World
  horizon: number
  again: ReadonlySet<number>
}

export function createEngine(options: EngineOptions): Engine {
  const { db, clock, log } = options
  let followed: Followed | undefined
  let running: Promise<unknown> = Promise.resolve()
  let waiting: Promise<World> | undefined
  let upkeep: Repeated | undefined

  const bringUpToDate = async (): Promise<World> => {
    followed = (followed && (await follow(db, followed))) ?? (await load(db, log))
    return followed.world
  }
  /** Whoever asks while a look is under way gets the next one, together with all others who ask meanwhile. */
  const current = (): Promise<World> => {
    if (waiting) return waiting
    const mine = running.then(() => {
      waiting = undefined
      return bringUpToDate()
    })
    waiting = mine
    running = mine.catch(() => undefined)
    return mine
  }
  return {
    current,
    start() {
      const run = async (): Promise<void> => {
        await breathe()
        await current()
        await trimChanges(db, clock.now() - TRIM_AFTER_MS)
      }
      upkeep ??= repeat({ name: 'following the changes of providers', everyMs: IDLE_MS, run }, { clock, log })
    },
    sizes: () => (followed ? { providers: followed.world.size, roots: followed.world.roots.size } : {}),
    async close() {
      await upkeep?.close()
      await running
    },
  }
}

const readingOf = (db: Database) => db.typed<PlacementTables>()

/** Everything, page by page; changes made meanwhile are looked up after. */
async function load(db: Database, log: Log): Promise<Followed> {
  const began = performance.now()
  const { horizon } = await readChanges(readingOf(db), Number.MAX_SAFE_INTEGER)
  const world = new World()
  const places: Place[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await loadPage(readingOf(db), after, PAGE)
    world.take(page)
    places.push(...page.map(({ id, parentId, rootId }) => ({ id, parentId, rootId })))
    after = page.length < PAGE ? undefined : page.at(-1)?.id
    await breathe()
  }
  // Trees that changed while they were read are left out here; their changes are looked up next.
  world.place(places)
  log.debug({ providers: world.size, ms: Math.round(performance.now() - began) }, 'providers loaded')
  const followed = { world, horizon, again: new Set<number>() }
  return (await follow(db, followed)) ?? load(db, log)
}

/** Applies what changed since; undefined when that cannot be known any more. */
async function follow(db: Database, followed: Followed): Promise<Followed | undefined> {
  const look = await readChanges(readingOf(db), followed.horizon)
  if (look.missed) return undefined
  const fresh = freshIn(look, followed)
  if (fresh.some(({ kind }) => kind === 'anything')) return followTogether(db, followed)
  const usages = fresh.length === 0 ? [] : await loadUsages(readingOf(db), idsOf(fresh))
  for (const { providerId, resourceClass, used } of usages)
    followed.world.setUsed(providerId, resourceClass, used)
  return { ...followed, horizon: look.horizon, again: look.again }
}

/** When trees may have changed: reads the changes and the providers as of one moment, so that they fit together. */
function followTogether(db: Database, followed: Followed): Promise<Followed | undefined> {
  return db.transaction<PlacementTables, Followed | undefined>(async (trx) => {
    if (db.dialect === 'postgres')
      await sql`set transaction isolation level repeatable read read only`.execute(trx)
    const look = await readChanges(trx, followed.horizon)
    if (look.missed) return undefined
    const ids = idsOf(freshIn(look, followed))
    const records = await loadSome(trx, ids)
    const there = new Set(records.map(({ id }) => id))
    const gone = ids.filter((id) => !there.has(id))
    if (!followed.world.apply(records, gone)) return undefined
    return { ...followed, horizon: look.horizon, again: look.again }
  })
}

const freshIn = (look: Look, { again }: Followed): Change[] =>
  look.changes.filter(({ seq }) => !again.has(seq))

const idsOf = (changes: readonly Change[]): number[] => [
  ...new Set(changes.map(({ providerId }) => providerId)),
]
