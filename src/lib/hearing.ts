/**
 * Who judges others by their silence must have been able to hear them. A process that stood still, or was cut off from
 * where heartbeats are written, finds everybody silent when it goes on; they all are given time to be heard again.
 */
import type { Clock } from './clock.ts'

export interface Hearing {
  /** What others' heartbeats need (the database, the bus) worked just now. */
  heard(): void
  /** The time by which to judge a silence: the clock's, or when nothing could be heard since, the last time at which something could. */
  now(): number
}

/** `everyMs`: how often `heard` is called, and others are heard of. Until the first call the clock's time counts. */
export function createHearing(clock: Clock, everyMs: number): Hearing {
  const deafMs = 2 * everyMs
  let last: number | undefined
  let graceUntil = Number.NEGATIVE_INFINITY
  let cutOffAt = 0
  return {
    heard() {
      const now = clock.now()
      if (last !== undefined && now - last > deafMs) {
        cutOffAt = last
        graceUntil = now + deafMs
      }
      last = now
    },
    now() {
      const now = clock.now()
      if (last === undefined) return now
      if (now - last > deafMs) return now < graceUntil ? cutOffAt : last
      return now < graceUntil ? cutOffAt : now
    },
  }
}
