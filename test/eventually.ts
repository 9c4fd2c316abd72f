/** Waiting in tests without sleeping blindly: tries until it holds, and says what it last saw when it never does. */
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs `attempt` until it neither throws nor yields undefined or false, and yields its value.
 * Fails after `withinMs` with the last failure as its cause.
 */
export async function eventually<T>(
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  options: { withinMs?: number; everyMs?: number; what?: string } = {},
): Promise<T> {
  const { withinMs = 10_000, everyMs = 10, what = 'it' } = options
  const end = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const value = await attempt()
      if (value !== undefined && value !== false) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > end)
      throw new Error(`${what} did not come about within ${withinMs} ms`, { cause: last })
    await delay(everyMs)
  }
}
