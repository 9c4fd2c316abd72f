/** Work that is done again and again: on a timer, sooner after a failure, at once on a nudge; one run at a time. */
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

export interface Repeated {
  /** Runs it now, or once more when it is running. */
  nudge(): void
  /** No run begins after this; resolves when the last has ended. */
  close(): Promise<void>
}

export interface Repetition {
  readonly name: string
  readonly everyMs: number
  /** The longest pause after a failure; `everyMs` unless it is given. */
  readonly maxRetryMs?: number
  /** Whether the first run waits for the first interval. */
  readonly waitsFirst?: boolean
  run(): Promise<void>
}

/** A timer holds no longer time (24 days): what is never to be done is done that seldom. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** After a failure the next try comes this soon, then after twice as long, up to `maxRetryMs`. */
const FIRST_RETRY_MS = 500

export function repeat(
  { name, everyMs, maxRetryMs = everyMs, waitsFirst = false, run }: Repetition,
  { clock, log }: { clock: Clock; log: Log },
): Repeated {
  const stopping = new AbortController()
  let wake = new AbortController()
  let failures = 0

  const pause = async (ms: number) => {
    await clock
      .sleep(Math.min(ms, MAX_TIMER_MS), AbortSignal.any([stopping.signal, wake.signal]))
      .catch(() => undefined)
    wake = new AbortController()
  }
  const attempt = async () => {
    try {
      await run()
      failures = 0
    } catch (error) {
      failures += 1
      // The first failure may be a neighbour that starts up: say it, then say less.
      const tell = failures === 1 || failures % 10 === 0 ? log.warn : log.debug
      tell.call(log, { err: error, task: name, failures }, 'a periodic task failed')
    }
  }
  const loop = async () => {
    if (waitsFirst) await pause(everyMs)
    while (!stopping.signal.aborted) {
      await attempt()
      if (stopping.signal.aborted) return
      await pause(
        failures === 0 ? everyMs : Math.min(everyMs, maxRetryMs, FIRST_RETRY_MS * 2 ** (failures - 1)),
      )
    }
  }
  const looping = loop()
  return {
    nudge: () => wake.abort(),
    async close() {
      stopping.abort()
      await looping
    },
  }
}
