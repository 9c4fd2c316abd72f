/** How long each part of a start takes. */

export interface Stopwatch {
  /** Runs `work` and remembers its time under `name`. */
  time<T>(name: string, work: () => Promise<T> | T): Promise<T>
  /** `name 12 ms` for each part, in order. */
  report(): string
}

export function createStopwatch(now: () => number = () => performance.now()): Stopwatch {
  const laps: string[] = []
  return {
    async time(name, work) {
      const began = now()
      const result = await work()
      laps.push(`${name} ${Math.round(now() - began)} ms`)
      return result
    },
    report: () => laps.join(', '),
  }
}
