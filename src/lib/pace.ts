/** The pace of what is done for many: at once while few come, and in a storm not before some company has come together. */
import type { Clock } from './clock.ts'

export interface Storm {
  /** It is one when the last so many came within so long, */
  readonly works: number
  readonly withinMs: number
  /** and are about so many things: one thing after another is none. */
  readonly subjects: number
}

export interface PaceOptions {
  readonly clock: Clock
  /** In a storm, the least time between two beginnings. */
  readonly gatherMs: number
  readonly storm: Storm
}

export interface Pace {
  /** Something came that is to be done. */
  came(subject: string): void
  /** What came is being done from now on. */
  began(): void
  /** How long to wait before that, in milliseconds; 0 or less: not at all. */
  dueMs(): number
}

export function createPace({ clock, gatherMs, storm }: PaceOptions): Pace {
  /** When the last few came, and what they are about. */
  const last: { readonly at: number; readonly subject: string }[] = []
  let begunAt = Number.NEGATIVE_INFINITY

  function isStorm(): boolean {
    const [first] = last
    if (!first || last.length < storm.works || clock.now() - first.at >= storm.withinMs) return false
    return new Set(last.map(({ subject }) => subject)).size >= storm.subjects
  }

  return {
    came(subject) {
      if (last.push({ at: clock.now(), subject }) > storm.works) last.shift()
    },
    began() {
      begunAt = clock.now()
    },
    // A machine's clock may be set back.
    dueMs: () => (isStorm() ? Math.min(begunAt + gatherMs - clock.now(), gatherMs) : 0),
  }
}

/**
 * What is to run soon after each call, once for all who called meanwhile: at the end of the event loop's turn, or in a
 * storm when it is due.
 */
export function createPaced(options: PaceOptions, run: () => void): (subject: string) => void {
  const pace = createPace(options)
  let isComing = false
  const go = (): void => {
    isComing = false
    pace.began()
    run()
  }
  return (subject) => {
    pace.came(subject)
    if (isComing) return
    isComing = true
    const due = pace.dueMs()
    if (due <= 0) setImmediate(go)
    else void options.clock.sleep(due).then(go)
  }
}

/** Resolves when it is time to go: at the end of the event loop's turn, or in a storm when it is due, for all who came meanwhile. */
export function createCompany(options: PaceOptions): (subject: string) => Promise<void> {
  let waiting: (() => void)[] = []
  const come = createPaced(options, () => {
    const all = waiting
    waiting = []
    for (const go of all) go()
  })
  return (subject) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      come(subject)
    })
}
