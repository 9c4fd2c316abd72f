/** When to look: at once after a change (many changes, one look), again after a failure, and now and then. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'

export interface Reconciler {
  /** Runs `first` once, then looks. */
  start(first: () => Promise<void>): void
  changed(): void
  /** Looks again in a moment. */
  later(): void
  /** Resolves after a look that began after the call; rejects when it failed for one of the networks. */
  settled(networkIds: readonly string[]): Promise<void>
  /** Finishes the running look and looks no more. */
  close(): Promise<void>
}

export interface ReconcilerDeps {
  /** One look; a thorough one after the start, after a failure, and now and then. Yields what failed by network; throws when all did. */
  readonly pass: (isThorough: boolean) => Promise<ReadonlyMap<string, unknown>>
  readonly log: Log
  readonly clock: Clock
}

interface Waiter {
  readonly networkIds: readonly string[]
  resolve(): void
  reject(reason: unknown): void
}

const RETRY_MS = 2_000
const PATROL_MS = 30_000

export function createReconciler({ pass, log, clock }: ReconcilerDeps): Reconciler {
  const closing = new AbortController()
  let waiters: Waiter[] = []
  let isDirty = false
  let isThorough = true
  let isStarted = false
  let prepare: (() => Promise<void>) | undefined
  let running: Promise<void> | undefined

  const look = async (): Promise<void> => {
    const served = waiters
    waiters = []
    const thoroughly = isThorough
    isDirty = false
    isThorough = false
    try {
      await prepare?.()
      prepare = undefined
      const failures = await pass(thoroughly)
      for (const waiter of served) {
        const failed = waiter.networkIds.find((id) => failures.has(id))
        if (failed === undefined) waiter.resolve()
        else waiter.reject(failures.get(failed))
      }
      if (failures.size > 0) wakeIn(RETRY_MS)
    } catch (error) {
      log.error({ err: error }, 'the networks could not be brought up')
      for (const waiter of served) waiter.reject(error)
      wakeIn(RETRY_MS)
    }
  }

  const isNeeded = (): boolean => (isDirty || waiters.length > 0) && !closing.signal.aborted

  const loop = async (): Promise<void> => {
    while (isNeeded()) await look()
    running = undefined
  }

  const kick = () => {
    if (isStarted && !closing.signal.aborted) running ??= loop()
  }

  const changed = () => {
    isDirty = true
    kick()
  }

  const lookThoroughly = () => {
    isThorough = true
    changed()
  }

  const wakeIn = (ms: number): void => {
    void clock.sleep(ms, closing.signal).then(lookThoroughly, () => undefined)
  }

  const patrol = async (): Promise<void> => {
    try {
      for (;;) {
        await clock.sleep(PATROL_MS, closing.signal)
        lookThoroughly()
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error
    }
  }

  return {
    start(first) {
      prepare = first
      isStarted = true
      changed()
      void patrol()
    },
    changed,
    later: () => wakeIn(RETRY_MS),
    settled: (networkIds) =>
      new Promise<void>((resolve, reject) => {
        if (closing.signal.aborted) return reject(new Error('the network plane is closing'))
        waiters.push({ networkIds, resolve, reject })
        kick()
      }),
    async close() {
      closing.abort()
      await running
      for (const waiter of waiters) waiter.reject(new Error('the network plane is closing'))
      waiters = []
    },
  }
}
