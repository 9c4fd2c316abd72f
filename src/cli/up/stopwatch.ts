/** How long each part of a start takes. */

export interface Stopwatch {
  /** Runs `work` and remembers its time under `name`. */
  time<T>(name: string, work: () => Promise<T> | T): Promise<T>
  /** Notes how long the process has run. */
  mark(name: string): void
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
    mark: (name) => void laps.push(`${name} at ${Math.round(now())} ms`),
    report: () => laps.join(', '),
  }
}
