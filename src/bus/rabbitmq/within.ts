/** Waiting for what may never come. */
import { NOBODY_WAITS } from '#lib/abort.ts'
import type { Clock } from '#lib/clock.ts'

/** What `work` yields within `ms`, else undefined. The work itself is not stopped. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const over = new AbortController()
  const late = clock.sleep(ms, over.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort(NOBODY_WAITS)
  }
}
