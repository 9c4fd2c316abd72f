/**
 * One transaction for the work of many who write at the same time. Each is as sure of its own as in a
 * transaction alone: all is written or nothing; and what fails in company is done again alone.
 */
import type { KyselyPlugin, PluginTransformQueryArgs, Transaction } from 'kysely'
import type { Clock } from '#lib/clock.ts'
import { createPace } from '#lib/pace.ts'
import type { Database } from './database.ts'
import { isSerializationFailure, isSqlError } from './dialect.ts'
import { meetAt, meetingOf } from './joined.ts'

/** So many transactions go on side by side: one that waits for a lock does not stop the others. */
const SIDE_BY_SIDE = 4
/** So many works share one at most. */
const MOST = 50
/** In a storm, the least time between two transactions: most of what comes meanwhile shares the next. */
const GATHER_MS = 40
/** It is a storm when the last so many works came within so long, and are about so many things: one operation after another is none. */
const STORM = { works: 4, withinMs: 200, subjects: 3 }

/** Thrown through a work that must not be done in company. */
class NeedsOwn extends Error {
  override readonly name = 'NeedsOwn'
}

/** A work failed after it wrote: what all wrote is taken back. */
class Spoilt extends Error {
  override readonly name = 'Spoilt'
}

interface Work<DB> {
  /** What it is about: two works on the same never share a transaction. */
  readonly subject: string
  run(trx: Transaction<DB>): Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

type Settled = { readonly value: unknown } | { readonly error: unknown; readonly wrote: boolean }

/** Notes whether anything but reads was asked through a handle. */
class WriteNote implements KyselyPlugin {
  wrote = false

  transformQuery({ node }: PluginTransformQueryArgs): PluginTransformQueryArgs['node'] {
    this.wrote ||= node.kind !== 'SelectQueryNode' || node.with !== undefined
    return node
  }

  async transformResult({ result }: Parameters<KyselyPlugin['transformResult']>[0]) {
    return result
  }
}

const shared = new WeakSet<object>()

/** In a shared transaction: what goes on now is done in one of its own instead. It must not have written yet. */
export function requireOwnTransaction(trx: object): void {
  if (shared.has(trx)) throw new NeedsOwn('this needs a transaction of its own')
}

/** A handle of the transaction for one of those who share it. */
function handleOf<DB>(trx: Transaction<DB>, meeting: ReturnType<typeof meetingOf> | undefined) {
  const note = new WriteNote()
  const handle = trx.withPlugin(note)
  shared.add(handle)
  if (meeting)
    meetAt(handle, {
      ask(kind, input) {
        note.wrote ||= kind.writes === true
        return meeting.ask(kind, input)
      },
    })
  return { handle, note }
}

/**
 * Runs works in transactions that they share with others who come at the same time. What a work may do is what it
 * may do in `Database.transaction`: it may be run several times, and speaks to its `trx` only.
 */
export function createSharedTransactions<DB>(
  database: Database,
  clock: Clock,
): <T>(subject: string, run: (trx: Transaction<DB>) => Promise<T>) => Promise<T> {
  let waiting: Work<DB>[] = []
  let underWay = 0
  let gathering = false
  const pace = createPace({ clock, gatherMs: GATHER_MS, storm: STORM })

  /** The longest waiting ones, no two on the same subject. */
  function take(): Work<DB>[] {
    const taken = new Map<string, Work<DB>>()
    const left: Work<DB>[] = []
    for (const work of waiting) {
      if (taken.size >= MOST || taken.has(work.subject)) left.push(work)
      else taken.set(work.subject, work)
    }
    waiting = left
    return [...taken.values()]
  }

  function go(): void {
    if (waiting.length === 0 || underWay >= SIDE_BY_SIDE) return
    underWay++
    pace.began()
    const works = take()
    const running = works.length === 1 ? Promise.all(works.map(runAlone)) : runTogether(works)
    void running.then(() => {
      underWay--
      look()
    })
    look()
  }

  /** Whoever waits goes at once with those of the same turn of the event loop, or in a storm with those who come meanwhile. */
  function look(): void {
    if (waiting.length === 0 || gathering) return
    const due = waiting.length < MOST ? pace.dueMs() : 0
    const begin = (): void => {
      gathering = false
      go()
    }
    gathering = true
    if (due <= 0) setImmediate(begin)
    else void clock.sleep(due).then(begin)
  }

  const runAlone = (work: Work<DB>): Promise<void> =>
    database.transaction((trx: Transaction<DB>) => work.run(trx)).then(work.resolve, work.reject)

  async function runTogether(works: readonly Work<DB>[]): Promise<void> {
    let settled: readonly Settled[]
    try {
      settled = await database.transaction((trx: Transaction<DB>) => share(trx, works))
    } catch (error) {
      if (error instanceof Spoilt) await Promise.all(works.map(runAlone))
      else for (const work of works) work.reject(error)
      return
    }
    const again: Work<DB>[] = []
    for (const [at, work] of works.entries()) {
      const each = settled[at]
      if (each && 'value' in each) work.resolve(each.value)
      else if (each?.error instanceof NeedsOwn) again.push(work)
      else work.reject(each?.error)
    }
    await Promise.all(again.map(runAlone))
  }

  /** What came of each. Throws when what was written cannot stay: `Spoilt`, or that another transaction was faster. */
  async function share(trx: Transaction<DB>, works: readonly Work<DB>[]): Promise<readonly Settled[]> {
    const meeting = database.dialect === 'postgres' ? meetingOf(trx) : undefined
    const settled = await Promise.all(
      works.map(async ({ run }): Promise<Settled> => {
        const { handle, note } = handleOf(trx, meeting)
        try {
          return { value: await run(handle) }
        } catch (error) {
          return { error, wrote: note.wrote }
        }
      }),
    )
    const failed = settled.flatMap((each) => ('error' in each ? [each] : []))
    for (const { error } of failed) if (isSerializationFailure(error)) throw error
    if (failed.some(({ error, wrote }) => wrote || isSqlError(error)))
      throw new Spoilt('what one wrote must not stay', { cause: failed })
    return settled
  }

  return <T>(subject: string, run: (trx: Transaction<DB>) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ subject, run, resolve, reject })
      pace.came(subject)
      look()
    })
}
