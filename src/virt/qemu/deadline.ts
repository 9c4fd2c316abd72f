/** Waiting with an end: what QEMU or a tool owes us, it owes within a time. */
import type { Clock } from '#lib/clock.ts'

export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed'
}

/** What `promise` yields, or `DeadlinePassed` after `timeoutMs`. The work itself is not stopped. */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  const settled = new AbortController()
  const late = clock.sleep(timeoutMs, settled.signal).then(() => {
    throw new DeadlinePassed(`${what} took more than ${timeoutMs} ms`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    settled.abort()
  }
}
