/**
 * Time that passes only when everybody waits for it. Between two moments the event loop turns until all
 * that can run has run, so an hour takes as long as the work done in it, and always happens alike.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '#lib/clock.ts'

export interface VirtualTime extends Clock {
  /** Does `work` after `ms`. Answers what takes it back. */
  after(ms: number, work: () => void): () => void
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>
  /** Lets time pass until the work is done. */
  until<T>(work: Promise<T>): Promise<T>
}

interface Moment {
  readonly at: number
  /** Of two moments at the same time the one that was planned first comes first. */
  readonly order: number
  work: (() => void) | undefined
}

const isBefore = (a: Moment, b: Moment): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap of moments, the nearest on top. */
class Agenda {
  readonly #heap: Moment[] = []

  get next(): Moment | undefined {
    return this.#heap[0]
  }

  add(moment: Moment): void {
    const heap = this.#heap
    let at = heap.push(moment) - 1
    for (let above = (at - 1) >> 1; at > 0; at = above, above = (at - 1) >> 1) {
      const parent = heap[above]
      if (!parent || isBefore(parent, moment)) break
      heap[at] = parent
      heap[above] = moment
    }
  }

  take(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [heap[below], heap[below + 1]]
      if (!left) break
      if (right && isBefore(right, left)) below += 1
      const child = heap[below]
      if (!child || isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

/** Begins at `start`, milliseconds since the epoch. */
export function createVirtualTime(start: number): VirtualTime {
  const agenda = new Agenda()
  let now = start
  let order = 0

  const after = (ms: number, work: () => void) => {
    const moment: Moment = { at: now + Math.max(Math.ceil(ms), 0), order: order++, work }
    agenda.add(moment)
    return () => void (moment.work = undefined)
  }
  const pass = async (ms: number) => {
    const end = now + ms
    await nextTurn()
    for (let next = agenda.next; next && next.at <= end; next = agenda.next) {
      agenda.take()
      if (!next.work) continue
      now = next.at
      next.work()
      await nextTurn()
    }
    now = end
  }
  return {
    now: () => now,
    after,
    pass,
    async until<T>(work: Promise<T>): Promise<T> {
      const under = new Set<Promise<T>>([work])
      const settle = () => void under.delete(work)
      work.then(settle, settle)
      while (under.size > 0) await pass(1)
      return work
    },
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error)
        const wake = () => {
          signal?.removeEventListener('abort', giveUp)
          resolve()
        }
        const cancel = after(ms, wake)
        const giveUp = () => {
          cancel()
          reject(signal?.reason as Error)
        }
        signal?.addEventListener('abort', giveUp, { once: true })
      }),
  }
}
