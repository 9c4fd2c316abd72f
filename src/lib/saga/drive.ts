/**
 * Drives one leased operation from step to step until it ends, parks, or is somebody else's. Every turn
 * is one idempotent `do` or `undo` and one transaction that writes what came of it; between two turns
 * the process may die, and another runner goes on from the journal.
 */
import { traced } from '#lib/trace.ts'
import { contextOf, earlierOf, NotBegun, type Written } from './context.ts'
import { withDeadline } from './deadline.ts'
import type { DriveOptions, Moment, SagaNews, Verdict } from './hooks.ts'
import { type Entry, type Goal, type Leased, LeaseLost, type Progress } from './journal.ts'
import { asJournaled, failureOf, freshProgress } from './progress.ts'
import {
  type AnyStep,
  type Done,
  type Failure,
  firstStep,
  OperationCancelled,
  type Parked,
  type Saga,
  type SagaTypes,
  StepTimeout,
} from './saga.ts'

export interface Drive {
  readonly id: string
  readonly finished: Promise<Verdict>
  /** The lease is gone: aborts the running step, writes nothing more. */
  lose(): void
  /** Stops at the next boundary and gives the lease back. */
  handOver(): void
}

/** So long what is done may be unwritten: a step's time is counted from what was written. */
const UNWRITTEN_MS = 1_000

const CONTINUE = Symbol('continue')
type Turn = Verdict | typeof CONTINUE

/** Starts driving an operation that `options.owner` has leased. */
export function drive<T extends SagaTypes>(
  operation: Leased<T['Context']>,
  saga: Saga<T>,
  options: DriveOptions<T>,
): Drive {
  const { journal, hooks, world, clock, owner } = options
  const log = options.log.child({
    operation: operation.id,
    saga: saga.name,
    subject: operation.subject,
  })
  const first = firstStep(saga)
  let progress = operation.progress ?? freshProgress(first.name, clock.now())
  let { cancelled, wakes } = operation
  /** When the journal was last as far as we are. */
  let writtenAt = Number.NEGATIVE_INFINITY
  let lost = false
  let leaving = false
  let running: AbortController | undefined

  const moment = (): Moment<T> => ({ operation, saga, attempt: progress.attempt, at: clock.now() })
  const tell = (step: string | null, outcome: SagaNews['outcome'], beganAt = clock.now()): void =>
    options.observe?.({ saga: saga.name, step, outcome, ms: clock.now() - beganAt })
  const indexOf = (name: string) => saga.steps.findIndex((step) => step.name === name)
  const deadlineOf = (step: AnyStep<T>) =>
    typeof step.deadlineMs === 'function' ? step.deadlineMs(world) : step.deadlineMs

  const given = (step: AnyStep<T>, signal: AbortSignal, at = progress) =>
    contextOf(operation, step, at, { world, signal, log })

  /** Writes an entry in a transaction; only once it is durable does memory follow. */
  async function write(work: (trx: T['Trx']) => Promise<Written>): Promise<Entry> {
    const { entry, saved } = await journal.transaction(async (trx) => {
      if (lost) throw new LeaseLost(operation.id)
      const entry = await work(trx)
      return { entry, saved: await journal.save(trx, owner, operation.id, entry) }
    }, operation.subject)
    progress = entry.progress
    writtenAt = clock.now()
    const woken = entry.status === 'parked' && saved.wakes !== entry.wakesSeen
    cancelled = saved.cancelled
    wakes = saved.wakes
    await entry.after?.().catch((error: unknown) => log.warn({ err: error }, 'a hint after a step failed'))
    return woken && entry.status === 'parked' ? { ...entry, wakeAt: clock.now() } : entry
  }

  /** The turn is neither done nor failed: it is done again by whoever holds the lease next. */
  const isInterrupted = (error: unknown): boolean =>
    lost || error instanceof LeaseLost || journal.isAway(error)

  const turnOf = (entry: Entry): Turn => {
    if (entry.status === 'ended') return { kind: 'ended', ending: entry.ending }
    return entry.status === 'parked' ? { kind: 'parked', wakeAt: entry.wakeAt } : CONTINUE
  }

  /** Runs a do or an undo within what is left of its time. */
  async function perform<R>(step: AnyStep<T>, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const controller = new AbortController()
    running = controller
    const ms = Math.max(progress.beganAt + deadlineOf(step) - clock.now(), 1)
    const late = () => new StepTimeout(`Step '${step.name}' did not finish within ${deadlineOf(step)} ms.`)
    try {
      return await withDeadline({ clock, ms, late, controller, settleMs: options.settleMs }, work)
    } finally {
      running = undefined
    }
  }

  const parkedUntil = (step: AnyStep<T>, settled: Parked): number =>
    Math.min(clock.now() + settled.pollMs, Math.max(progress.beganAt + deadlineOf(step), clock.now()))

  function refuseLate(step: AnyStep<T>): void {
    if (clock.now() >= progress.beganAt + deadlineOf(step))
      throw new StepTimeout(`Step '${step.name}' did not finish within ${deadlineOf(step)} ms.`)
  }

  /** The step begins, if that was not told before. */
  async function announce(trx: T['Trx'], step: AnyStep<T>): Promise<void> {
    const begun = { from: null, to: step, beganAt: progress.beganAt, failure: null, begins: true }
    if (!progress.announced) await hooks.moved(trx, moment(), begun)
  }

  async function forward(step: AnyStep<T>): Promise<Turn> {
    if (cancelled) return turnBack(step, 'cancel', null)
    const { beganAt } = progress
    try {
      const outcome = await perform(step, (signal) => step.do(given(step, signal), earlierOf(step, progress)))
      if (typeof outcome !== 'function' && outcome.kind === 'done' && passes(step, outcome)) {
        tell(step.name, 'done', beganAt)
        return CONTINUE
      }
      const wakesSeen = wakes
      const writing = (mayBegin: boolean) =>
        write(async (trx): Promise<Written> => {
          await announce(trx, step)
          const settled = typeof outcome === 'function' ? await outcome(trx) : outcome
          if (settled.kind === 'done') {
            const entry = { ...(await advance(trx, step, settled)), after: settled.after }
            return mayBegin ? beginNext(trx, entry, wakesSeen) : entry
          }
          refuseLate(step)
          const wakeAt = parkedUntil(step, settled)
          const parked = { ...progress, announced: true }
          return { status: 'parked', progress: parked, wakeAt, wakesSeen, after: settled.after }
        })
      const entry = await writing(true).catch((error: unknown) => {
        if (error instanceof NotBegun) return writing(false)
        throw error
      })
      log.info({ step: step.name, attempt: progress.attempt, state: entry.status }, 'step')
      tell(step.name, entry.status === 'parked' ? 'parked' : 'done', beganAt)
      return turnOf(entry)
    } catch (error) {
      if (isInterrupted(error)) throw error
      if (error instanceof OperationCancelled) return turnBack(step, 'cancel', null)
      return failed(step, error)
    }
  }

  /** A step that does nothing but write is begun in the transaction that ends the one before it. */
  async function beginNext(trx: T['Trx'], entry: Written, wakesSeen: number): Promise<Written> {
    if (entry.status !== 'live' || cancelled) return entry
    const next = saga.steps[indexOf(entry.progress.step)]
    if (!next?.onlyWrites) return entry
    try {
      const context = given(next, new AbortController().signal, entry.progress)
      const outcome = await next.do(context, earlierOf(next, entry.progress))
      const settled = typeof outcome === 'function' ? await outcome(trx) : outcome
      if (settled.kind === 'done') return entry
      const after = async () => {
        await entry.after?.()
        await settled.after?.()
      }
      return {
        status: 'parked',
        progress: entry.progress,
        wakeAt: clock.now() + settled.pollMs,
        wakesSeen,
        after,
      }
    } catch (error) {
      throw new NotBegun(next.name, { cause: error })
    }
  }

  /** Whether that the step is done may be written with what comes next (done again after a crash), since nothing else is to be. */
  function passes(step: AnyStep<T>, { output, after, writes }: Done<unknown>): boolean {
    const next = saga.steps[indexOf(step.name) + 1]
    const at = clock.now()
    if (!next || after || writes || !progress.announced || at - writtenAt > UNWRITTEN_MS) return false
    if (!hooks.isQuiet?.(step, next)) return false
    const outputs = { ...progress.outputs, [step.name]: asJournaled(output) }
    progress = { ...progress, step: next.name, beganAt: at, tries: 0, outputs }
    return true
  }

  /** What to write when `step` is done: the next step begins, or the operation ends. */
  async function advance(trx: T['Trx'], step: AnyStep<T>, { output, writes }: Done<unknown>): Promise<Entry> {
    const next = saga.steps[indexOf(step.name) + 1]
    const at = clock.now()
    const outputs = { ...progress.outputs, [step.name]: asJournaled(output) }
    await hooks.moved(trx, moment(), { from: step, to: next ?? null, beganAt: at, failure: null, writes })
    if (next)
      return {
        status: 'live',
        progress: { ...progress, step: next.name, announced: true, beganAt: at, tries: 0, outputs },
      }
    const kept = await hooks.ended(trx, moment(), { ending: 'done', failure: null, leftBehind: [] })
    return { status: 'ended', ending: 'done', progress: { ...progress, outputs }, ...kept }
  }

  async function failed(step: AnyStep<T>, error: unknown): Promise<Turn> {
    const failure = failureOf(step.name, error)
    tell(step.name, 'failed', progress.beganAt)
    log.warn({ err: error, step: step.name, attempt: progress.attempt, tries: progress.tries }, 'step failed')
    const { retry, rewind } = step
    const inTime = clock.now() < progress.beganAt + deadlineOf(step)
    if (retry && inTime && progress.tries < retry.times && retry.when(error)) {
      const wakeAt = clock.now() + retry.delayMs * 2 ** progress.tries
      return turnOf(
        await write(async () => ({
          status: 'parked',
          progress: { ...progress, tries: progress.tries + 1 },
          wakeAt,
          wakesSeen: wakes,
        })),
      )
    }
    const again = rewind && progress.attempt < rewind.attempts(world) && rewind.when(error)
    return turnBack(step, again ? { rewindTo: rewind.to } : 'fail', failure)
  }

  /** From here on things are undone, beginning with the step itself: it may be half done. */
  async function turnBack(step: AnyStep<T>, goal: Goal, failure: Failure | null): Promise<Turn> {
    const entry = await write(async (trx) => {
      if (progress.announced || failure) {
        await announceUnlessGone(trx, step)
        await hooks.moved(trx, moment(), { from: step, to: null, beganAt: clock.now(), failure })
      }
      return retreat(trx, { ...progress, direction: 'unwinding', goal, failure }, indexOf(step.name))
    })
    return turnOf(entry)
  }

  /** A failing first step is told of, so that its event exists; when the subject is gone there is nothing to tell. */
  async function announceUnlessGone(trx: T['Trx'], step: AnyStep<T>): Promise<void> {
    try {
      await announce(trx, step)
    } catch (error) {
      if (!(error instanceof OperationCancelled)) throw error
    }
  }

  /** What to write when the next thing to undo is at `index` or before: that step, or the end of the undoing. */
  async function retreat(trx: T['Trx'], from: Progress, index: number): Promise<Entry> {
    const at = clock.now()
    const goal = typeof from.goal === 'object' && cancelled ? 'cancel' : from.goal
    const floor = typeof goal === 'object' && goal ? indexOf(goal.rewindTo) : 0
    const next = saga.steps.slice(floor, index + 1).findLast((step) => step.undo)
    if (next) return { status: 'live', progress: { ...from, goal, step: next.name, beganAt: at, tries: 0 } }
    if (typeof goal === 'object' && goal && from.failure) return rewound(trx, from, from.failure, floor)
    const ending = goal === 'cancel' ? 'cancelled' : 'failed'
    const { failure, leftBehind } = from
    const kept = from.isTold ? {} : await hooks.ended(trx, moment(), { ending, failure, leftBehind })
    return { status: 'ended', ending, progress: { ...from, goal }, ...kept }
  }

  /** Forward again, from step number `floor`. */
  async function rewound(trx: T['Trx'], from: Progress, failure: Failure, floor: number): Promise<Entry> {
    const to = saga.steps[floor]
    if (!to) throw new Error(`saga ${saga.name} rewinds to a step it does not have`)
    const at = clock.now()
    await hooks.moved(trx, moment(), { from: null, to, beganAt: at, failure: null })
    const kept = Object.fromEntries(Object.entries(from.outputs).filter(([name]) => indexOf(name) < floor))
    const earlier = [...from.earlier, { outputs: from.outputs, failure }]
    const attempt = from.attempt + 1
    return {
      status: 'live',
      progress: {
        ...freshProgress(to.name, at),
        announced: true,
        outputs: kept,
        earlier,
        attempt,
        leftBehind: from.leftBehind,
      },
    }
  }

  async function backward(step: AnyStep<T>): Promise<Turn> {
    const { beganAt } = progress
    try {
      const outcome = await perform(step, async (signal) =>
        step.undo?.(given(step, signal), progress.outputs[step.name]),
      )
      const wakesSeen = wakes
      const entry = await write(async (trx) => {
        const settled = typeof outcome === 'function' ? await outcome(trx) : outcome
        if (settled?.kind === 'parked') {
          refuseLate(step)
          return {
            status: 'parked',
            progress,
            wakeAt: parkedUntil(step, settled),
            wakesSeen,
            after: settled.after,
          }
        }
        const leftBehind = progress.leftBehind.filter((name) => name !== step.name)
        const entry = await retreat(trx, { ...progress, leftBehind }, indexOf(step.name) - 1)
        return { ...entry, after: settled?.after }
      })
      log.info({ step: step.name, attempt: progress.attempt, state: entry.status }, 'step undone')
      tell(step.name, entry.status === 'parked' ? 'parked' : 'undone', beganAt)
      return turnOf(entry)
    } catch (error) {
      if (isInterrupted(error)) throw error
      return undoFailed(step, error)
    }
  }

  async function undoFailed(step: AnyStep<T>, error: unknown): Promise<Turn> {
    const tries = progress.tries + 1
    tell(step.name, 'undo failed', progress.beganAt)
    log.warn({ err: error, step: step.name, tries }, 'undo failed')
    const entry = await write(async (trx) => {
      if (tries < options.undoTries) {
        const at = clock.now()
        const wakeAt = at + options.undoDelayMs * 2 ** (tries - 1)
        return {
          status: 'parked',
          progress: { ...progress, tries, beganAt: wakeAt },
          wakeAt,
          wakesSeen: wakes,
        }
      }
      log.error({ err: error, step: step.name }, 'undo given up: what it leaves is for repair')
      return retreat(
        trx,
        { ...progress, leftBehind: [...new Set([...progress.leftBehind, step.name])] },
        indexOf(step.name) - 1,
      )
    })
    return turnOf(entry)
  }

  /** A journal may name a step that is none, or no more (after an upgrade): nearby, idempotent ones are done again. */
  function currentStep(): AnyStep<T> {
    const named = saga.steps[indexOf(progress.step)]
    if (named) return named
    if (progress.direction === 'unwinding') {
      const { leftBehind } = progress
      return saga.steps.findLast((step) => leftBehind.includes(step.name)) ?? saga.steps.at(-1) ?? first
    }
    return saga.steps.find((step) => !(step.name in progress.outputs)) ?? first
  }

  async function run(): Promise<Verdict> {
    try {
      for (;;) {
        const step = currentStep()
        const turn = progress.direction === 'forward' ? await forward(step) : await backward(step)
        if (turn !== CONTINUE) {
          if (turn.kind === 'ended') tell(null, turn.ending)
          return turn
        }
        if (leaving) {
          await journal.release(owner, operation.id)
          return { kind: 'handed over' }
        }
      }
    } catch (error) {
      // Nothing was written: whoever holds the lease next does the turn again.
      if (lost || error instanceof LeaseLost) log.warn({}, 'the operation went to another runner')
      else
        log.error(
          { err: error },
          'the journal could not be written: the operation waits for its lease to end',
        )
      return { kind: 'lost' }
    }
  }

  return {
    id: operation.id,
    finished: traced({ requestId: operation.requestId }, run),
    lose() {
      lost = true
      running?.abort(new LeaseLost(operation.id))
    },
    handOver() {
      leaving = true
    },
  }
}
