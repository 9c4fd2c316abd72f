/** Giving up: waiting for work only as long as a signal lets us. */

/** What `promise` yields, or a rejection with the signal's reason once it aborts. The work itself is not stopped. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason as Error)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([aborted, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The reason to abort with where nobody looks at it: without one, an error with its stack is made each time. */
export const NOBODY_WAITS: Error = new Error('nobody waits for it any more')
