/**
 * Reads that are shared by those who ask at the same time: in a storm of equal questions few are asked. An answer
 * is never older than the question, so nobody can tell, but by the load.
 */

interface Reading<T> {
  readonly running: Promise<T>
  hasBegun: boolean
  /** Begins when the running one is over, for all who asked meanwhile. */
  next: Promise<T> | undefined
}

/**
 * What `read` yields for a key: of a read that begins after this is called. Nobody may change an answer. `waitsATurn`: a
 * read begins with the next turn of the event loop, for all who ask in this one.
 */
export function createSharedReads<T>({
  waitsATurn = false,
} = {}): (key: string, read: () => Promise<T>) => Promise<T> {
  const readings = new Map<string, Reading<T>>()

  const begin = (key: string, read: () => Promise<T>): Promise<T> => {
    const start = (): Promise<T> => {
      reading.hasBegun = true
      return read()
    }
    const mine = waitsATurn ? nextTurn().then(start) : read()
    const reading: Reading<T> = { running: mine, hasBegun: !waitsATurn, next: undefined }
    readings.set(key, reading)
    const over = () => {
      if (readings.get(key) === reading && !reading.next) readings.delete(key)
    }
    mine.then(over, over)
    return mine
  }
  return (key, read) => {
    const reading = readings.get(key)
    if (!reading) return begin(key, read)
    if (!reading.hasBegun) return reading.running
    const again = () => begin(key, read)
    reading.next ??= reading.running.then(again, again)
    return reading.next
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** As `createSharedReads`, for reads of many keys at once: who asks while a read runs is part of the next. */
export function createGatheredReads<K, T>(
  readAll: (keys: readonly K[]) => Promise<ReadonlyMap<K, T>>,
  { waitsATurn = false } = {},
): (key: K) => Promise<T | undefined> {
  let running: Promise<unknown> | undefined
  let next: { readonly keys: Set<K>; readonly answer: Promise<ReadonlyMap<K, T>> } | undefined

  const begin = (keys: readonly K[]): Promise<ReadonlyMap<K, T>> => {
    const mine = readAll(keys)
    running = mine
    const over = () => {
      if (running === mine) running = undefined
    }
    mine.then(over, over)
    return mine
  }
  return async (key) => {
    if (!running && !waitsATurn) return (await begin([key])).get(key)
    if (!next) {
      const keys = new Set<K>()
      const again = () => {
        next = undefined
        return begin([...keys])
      }
      next = { keys, answer: (running ?? nextTurn()).then(again, again) }
    }
    next.keys.add(key)
    return (await next.answer).get(key)
  }
}
