/** A time limit for a piece of work that can be told to stop. */
import { NOBODY_WAITS } from '#lib/abort.ts'
import type { Clock } from '#lib/clock.ts'

/**
 * Runs `work` for at most `ms`. When its time is over, its signal aborts and it gets `settleMs` to come
 * to rest, so that what is undone next is not done meanwhile; then `late()` is thrown, whatever came of it.
 */
export async function withDeadline<R>(
  limit: {
    readonly clock: Clock
    readonly ms: number
    readonly settleMs: number
    readonly controller: AbortController
    late(): Error
  },
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const { clock, controller } = limit
  const timer = new AbortController()
  const elapsed = (ms: number) =>
    clock.sleep(ms, timer.signal).then(
      () => true as const,
      () => false as const,
    )
  const running = work(controller.signal)
  const settled = running.then(
    () => false as const,
    () => false as const,
  )
  try {
    const isLate = await Promise.race([settled, elapsed(limit.ms)])
    if (!isLate) return await running
    controller.abort(limit.late())
    await Promise.race([settled, elapsed(limit.settleMs)])
    throw limit.late()
  } finally {
    timer.abort(NOBODY_WAITS)
  }
}
