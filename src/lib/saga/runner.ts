/**
 * The runner: takes due operations, many at once with a bound, when nudged and by poll; keeps their
 * leases; and hands over what it holds when it closes.
 */
import { NOBODY_WAITS } from '#lib/abort.ts'
import { createPace } from '#lib/pace.ts'
import { drive, type Drive } from './drive.ts'
import type { DriveOptions, Verdict } from './hooks.ts'
import type { Leased } from './journal.ts'
import type { Saga, SagaTypes } from './saga.ts'

export interface RunnerOptions<T extends SagaTypes> extends DriveOptions<T> {
  readonly sagas: readonly Saga<T>[]
  /** How many operations may run at once; parked ones do not count. */
  readonly concurrency: number
  /** How often to look for due operations when nobody nudges. */
  readonly pollMs: number
  /** How long a lease holds without being renewed: after so long another runner takes over from a dead one. */
  readonly leaseMs: number
  /** How long `close` waits for running steps before it leaves them to whoever takes over. */
  readonly closeMs: number
}

export interface Runner {
  start(): void
  /** There may be something to do. */
  nudge(): void
  /** How many operations are being worked on. */
  running(): number
  close(): Promise<void>
}

/** In a storm, the least time between two looks: operations that are taken together go through their steps together. */
const GATHER_MS = 80
const STORM = { works: 6, withinMs: 300, subjects: 3 }

export function createRunner<T extends SagaTypes>(options: RunnerOptions<T>): Runner {
  const { journal, clock, log, owner, leaseMs } = options
  const sagas = new Map(options.sagas.map((saga) => [saga.name, saga]))
  const drives = new Map<string, Drive>()
  const closing = new AbortController()
  const pace = createPace({ clock, gatherMs: GATHER_MS, storm: STORM })
  let nudged = false
  /** The nearest time at which something parked here is due; the poll finds what this forgets. */
  let soonest = Number.POSITIVE_INFINITY
  let wakeUp = new AbortController()
  let loops: Promise<unknown> = Promise.resolve()

  const nudge = () => {
    nudged = true
    wakeUp.abort(NOBODY_WAITS)
  }

  /** Sleeps until `ms` are over or somebody nudges. */
  async function pause(ms: number): Promise<void> {
    wakeUp = new AbortController()
    if (nudged || closing.signal.aborted) return
    await clock.sleep(ms, wakeUp.signal).catch(() => undefined)
  }

  function begin(operation: Leased<T['Context']>): void {
    const saga = sagas.get(operation.saga)
    if (!saga) return
    const earlier = drives.get(operation.id)
    if (earlier) return beginAnew(operation.id, earlier)
    const started = drive(operation, saga, options)
    drives.set(operation.id, started)
    void started.finished.then((verdict) => over(operation.id, verdict))
  }

  /**
   * A lease of ours ran out, and we have the operation again while our drive of then goes on: that one does not know
   * what was done meanwhile. When it has stopped, the operation is free for whoever comes.
   */
  function beginAnew(id: string, earlier: Drive): void {
    earlier.lose()
    void earlier.finished
      .then(() => journal.release(owner, id))
      .catch((error: unknown) => log.warn({ err: error, operation: id }, 'it waits for its lease to end'))
      .then(nudge)
  }

  function over(id: string, verdict: Verdict): void {
    const wasFull = drives.size >= options.concurrency
    drives.delete(id)
    if (verdict.kind === 'parked') {
      soonest = Math.min(soonest, verdict.wakeAt)
      // The loop may be asleep for longer than that.
      if (verdict.wakeAt < clock.now() + options.pollMs) nudge()
    }
    if (wasFull || closing.signal.aborted) nudge()
  }

  async function claim(): Promise<void> {
    const now = clock.now()
    const limit = options.concurrency - drives.size
    if (limit <= 0) return
    if (soonest <= now) soonest = Number.POSITIVE_INFINITY
    const request = { owner, sagas: [...sagas.keys()], now, leaseUntil: now + leaseMs, limit }
    const operations = await journal.claim(request)
    // An answer that comes when its leases are over tells of what others may work on by now.
    if (clock.now() >= request.leaseUntil) return
    for (const operation of operations) {
      pace.came(operation.subject)
      begin(operation)
    }
  }

  async function claimLoop(): Promise<void> {
    while (!closing.signal.aborted) {
      nudged = false
      pace.began()
      await claim().catch((error: unknown) => log.error({ err: error }, 'looking for operations failed'))
      await pause(Math.min(options.pollMs, Math.max(soonest - clock.now(), 1)))
      const due = pace.dueMs()
      if (due > 0) await clock.sleep(due, closing.signal).catch(() => undefined)
    }
  }

  /** What is held is somebody else's from now on. */
  function loseAll(): void {
    for (const one of drives.values()) one.lose()
  }

  async function renewLoop(stop: AbortSignal): Promise<void> {
    let held = clock.now()
    /** Until the journal says that we hold them: a database may be away for longer than anything is still ours. */
    let unsure: AbortController | undefined
    const isSure = (since: number): void => {
      held = since
      unsure?.abort(NOBODY_WAITS)
      unsure = undefined
    }
    while (!stop.aborted) {
      await clock.sleep(leaseMs / 3, stop).catch(() => undefined)
      const ids = [...drives.keys()]
      const at = clock.now()
      if (stop.aborted || ids.length === 0) {
        isSure(at)
        continue
      }
      if (!unsure) {
        unsure = new AbortController()
        void clock.sleep(Math.max(held + leaseMs - at, 0), unsure.signal).then(loseAll, () => undefined)
      }
      try {
        const kept = await journal.renew(owner, ids, at + leaseMs)
        isSure(at)
        for (const id of ids) if (!kept.has(id)) drives.get(id)?.lose()
      } catch (error) {
        log.error({ err: error, operations: ids.length }, 'renewing leases failed')
      }
    }
  }

  const stopRenewing = new AbortController()

  async function handOver(): Promise<void> {
    const allOver = () => Promise.all([...drives.values()].map((one) => one.finished))
    for (const one of drives.values()) one.handOver()
    const timer = new AbortController()
    const late = clock.sleep(options.closeMs, timer.signal).catch(() => undefined)
    await Promise.race([allOver(), late])
    timer.abort()
    loseAll()
    await allOver()
  }

  return {
    start() {
      loops = Promise.all([claimLoop(), renewLoop(stopRenewing.signal)])
    },
    nudge,
    running: () => drives.size,
    async close() {
      closing.abort()
      nudge()
      await handOver()
      stopRenewing.abort()
      await loops
      // A claim that was under way when closing began may have started something.
      await handOver()
    },
  }
}
