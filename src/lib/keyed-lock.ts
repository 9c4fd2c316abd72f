/**
 * One thing at a time per key, in the order asked; a preempting one ends those before it. Each piece of
 * work gets a signal that says when it should give up.
 */

export interface KeyedLock {
  /** Runs `work` when all earlier work of the key has ended. Rejects with the preemptor's reason if it never got to run. */
  run<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** The same, but first aborts (with `reason`) what `run` runs or has waiting under the key. Preempting work is never aborted. */
  preempt<T>(key: string, reason: Error, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  isBusy(key: string): boolean
}

interface Line {
  /** Settles when the last in the line has ended. Never rejects. */
  tail: Promise<void>
  /** How many run or wait. */
  length: number
  readonly members: Set<AbortController>
}

export function createKeyedLock(): KeyedLock {
  const lines = new Map<string, Line>()

  const enter = async <T>(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    mayBeAborted: boolean,
  ): Promise<T> => {
    const line = lines.get(key) ?? { tail: Promise.resolve(), length: 0, members: new Set<AbortController>() }
    lines.set(key, line)
    const control = new AbortController()
    const before = line.tail
    const { promise, resolve } = Promise.withResolvers<void>()
    line.tail = promise
    line.length += 1
    if (mayBeAborted) line.members.add(control)
    try {
      await before
      control.signal.throwIfAborted()
      return await work(control.signal)
    } finally {
      line.members.delete(control)
      line.length -= 1
      if (line.length === 0) lines.delete(key)
      resolve()
    }
  }
  return {
    run: (key, work) => enter(key, work, true),
    preempt(key, reason, work) {
      for (const control of lines.get(key)?.members ?? []) control.abort(reason)
      return enter(key, work, false)
    },
    isBusy: (key) => lines.has(key),
  }
}
