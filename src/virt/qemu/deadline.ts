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

/** What `promise` yields, or a rejection with the signal's reason once it aborts. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
