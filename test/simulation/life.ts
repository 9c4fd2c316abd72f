/**
 * The life of a process, which can be cut at any of its steps to the outside: from then on it neither sends
 * nor writes nor hears anything, and whatever it awaits never comes. A new life starts from what is durable.
 */
import type { Clock } from '#lib/clock.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface Life {
  /** `conductor-1#3`: the third life of that process. */
  readonly name: string
  readonly alive: boolean
  /** The host it runs on; undefined where that does not matter. */
  readonly host: string | undefined
  /** Whether the network lets it through. */
  connected: boolean
  /** The process' clock, which may be a little off: a dead one never wakes, a frozen one late. */
  readonly clock: Clock
  /** Stands still for so long: it hears and does nothing, and then goes on as if nothing had been. */
  freeze(ms: number): void
  /** Resolves when the process is not frozen. */
  awake(): Promise<void>
  /** A step to the outside. False when the life is over: the step must not be done, and never answers. */
  cross(): boolean
  /** Dies after so many more steps; `0`: now. */
  cutAfter(steps: number): void
  onCut(work: () => void): void
  /** What awaits this, waits for ever. Not shared, or what waits would be kept. */
  never<T>(): Promise<T>
}

export function createLife(
  name: string,
  {
    time,
    host,
    tell,
    skewMs = 0,
  }: { time: VirtualTime; host?: string; tell: (line: string) => void; skewMs?: number },
): Life {
  let alive = true
  let fuse = Number.POSITIVE_INFINITY
  const last: (() => void)[] = []
  let frozenUntil = 0
  const never = <T>() => new Promise<T>(() => undefined)

  const awake = async () => {
    while (frozenUntil > time.now()) await time.sleep(frozenUntil - time.now())
    if (!alive) return never<void>()
  }
  const cut = () => {
    if (!alive) return
    alive = false
    tell(`${name} is killed`)
    for (const work of last) work()
  }
  return {
    name,
    host,
    connected: true,
    get alive() {
      return alive
    },
    clock: {
      now: () => time.now() + skewMs,
      sleep: async (ms, signal) => {
        if (!alive) return never()
        await time.sleep(ms, signal)
        if (!alive) return never()
        if (frozenUntil > time.now()) await awake()
      },
    },
    freeze(ms) {
      tell(`${name} stands still`)
      frozenUntil = time.now() + ms
    },
    awake,
    cross() {
      if (!alive) return false
      if (fuse-- > 0) return true
      cut()
      return false
    },
    cutAfter(steps) {
      fuse = steps
      if (steps <= 0) cut()
    },
    onCut: (work) => void last.push(work),
    never,
  }
}
