/**
 * The four tests every saga gets for free: it fails cleanly at each step, its undos and its dos may run
 * twice, and it goes on after a crash between any two durable writes. A saga's own test file supplies a
 * world and says what "clean" and "done" mean.
 */
import assert from 'node:assert/strict'
import {
  type AnyStep,
  createRunner,
  type Ending,
  type Hooks,
  type Journal,
  type Outcome,
  type Runner,
  type Saga,
  type SagaTypes,
} from '#lib/saga/index.ts'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { eventually } from './eventually.ts'

/** A world in which one operation of the saga waits to be worked on. */
export interface Given<T extends SagaTypes> {
  readonly saga: Saga<T>
  readonly journal: Journal<T>
  readonly hooks: Hooks<T>
  readonly world: T['World']
  /** How the operation ended; undefined while it lives. */
  ending(): Promise<Ending | undefined>
  /** Takes all leases away, as time would. */
  breakLeases(): Promise<void>
  /** Fails unless nothing is left of the operation but its record. */
  verifyCleanSlate(): Promise<void>
  /** Fails unless the operation did all it should, once. */
  verifyDone(): Promise<void>
  close(): Promise<void>
}

type Make<T extends SagaTypes> = () => Promise<Given<T>>

class Crash extends Error {}

/** A runner with a test's patience. */
export function testRunner<T extends SagaTypes>(
  given: Pick<Given<T>, 'journal' | 'hooks' | 'world'>,
  sagas: readonly Saga<T>[],
  owner: string,
  more: { concurrency?: number; leaseMs?: number } = {},
): Runner {
  const limits = {
    concurrency: 8,
    pollMs: 2,
    leaseMs: 60_000,
    closeMs: 5_000,
    undoTries: 3,
    undoDelayMs: 1,
    settleMs: 50,
  }
  const { journal, hooks, world } = given
  return createRunner({
    sagas,
    journal,
    hooks,
    world,
    clock: systemClock,
    log: silentLog,
    owner,
    ...limits,
    ...more,
  })
}

/** Runs the operation to its end with `saga` in place of the real one. */
async function runToEnd<T extends SagaTypes>(given: Given<T>, saga: Saga<T>): Promise<Ending> {
  const runner = testRunner(given, [saga], 'runner-1')
  runner.start()
  try {
    return await eventually(() => given.ending(), { what: `the end of ${saga.name}`, everyMs: 2 })
  } finally {
    await runner.close()
  }
}

async function inWorld<T extends SagaTypes>(
  make: Make<T>,
  body: (given: Given<T>) => Promise<void>,
): Promise<void> {
  const given = await make()
  try {
    await body(given)
  } finally {
    await given.close()
  }
}

const replaceStep = <T extends SagaTypes>(
  saga: Saga<T>,
  name: string,
  replace: (step: AnyStep<T>) => AnyStep<T>,
): Saga<T> => ({
  ...saga,
  steps: saga.steps.map((step) => (step.name === name ? replace(step) : step)),
})

const injected = (name: string) => new Error(`step ${name} was told to fail`)

/** Fails before the step does anything. */
const failingBefore = <T extends SagaTypes>(step: AnyStep<T>): AnyStep<T> => ({
  ...step,
  do: async () => {
    throw injected(step.name)
  },
})

/** Fails when the step has done all of its work, but before that is journaled. */
const failingAfter = <T extends SagaTypes>(step: AnyStep<T>): AnyStep<T> => ({
  ...step,
  do: async (ctx, earlier) => {
    const outcome = await step.do(ctx, earlier)
    if (typeof outcome !== 'function') {
      if (outcome.kind === 'parked') return outcome
      throw injected(step.name)
    }
    return async (trx) => {
      const settled = await outcome(trx)
      if (settled.kind === 'parked') return settled
      throw injected(step.name)
    }
  },
})

async function stepNames<T extends SagaTypes>(make: Make<T>): Promise<string[]> {
  let names: string[] = []
  await inWorld(make, async ({ saga }) => void (names = saga.steps.map((step) => step.name)))
  return names
}

/** Every step in turn fails, before its work and after it: the operation fails, and nothing is left behind. */
export async function failsCleanlyAtEachStep<T extends SagaTypes>(make: Make<T>): Promise<void> {
  for (const name of await stepNames(make)) {
    for (const failing of [failingBefore, failingAfter]) {
      await inWorld(make, async (given) => {
        const ending = await runToEnd(given, replaceStep(given.saga, name, failing))
        assert.equal(ending, 'failed', `${failing.name} ${name}`)
        await given.verifyCleanSlate()
      })
    }
  }
}

/** Every step fails in turn, and every undo runs twice. */
export async function undoTwice<T extends SagaTypes>(make: Make<T>): Promise<void> {
  for (const name of await stepNames(make)) {
    await inWorld(make, async (given) => {
      const failing = replaceStep(given.saga, name, failingAfter)
      const twice = {
        ...failing,
        steps: failing.steps.map((step) => (step.undo ? twiceUndone(step) : step)),
      }
      assert.equal(await runToEnd(given, twice), 'failed')
      await given.verifyCleanSlate()
    })
  }
}

/** Both runs of a do or an undo, each with what it writes; a run that parks is not yet one. */
async function twice<T extends SagaTypes>(
  run: () => Promise<Outcome<unknown, T['Trx']>>,
): Promise<Outcome<unknown, T['Trx']>> {
  const first = await run()
  if (typeof first !== 'function') return first.kind === 'parked' ? first : run()
  const second = await run()
  return async (trx) => {
    const settled = await first(trx)
    if (settled.kind === 'parked' || typeof second !== 'function') return settled
    return second(trx)
  }
}

const twiceUndone = <T extends SagaTypes>(step: AnyStep<T>): AnyStep<T> => ({
  ...step,
  undo: async (ctx, own) => {
    const undo = () => step.undo?.(ctx, own) ?? Promise.reject(new Error(`step ${step.name} has no undo`))
    return (await twice<T>(undo)) as Outcome<void, T['Trx']>
  },
})

const twiceDone = <T extends SagaTypes>(step: AnyStep<T>): AnyStep<T> => ({
  ...step,
  do: (ctx, earlier) => twice<T>(() => step.do(ctx, earlier)),
})

/** Every do runs twice, each time; the saga succeeds all the same, and has done things once. */
export async function doTwice<T extends SagaTypes>(make: Make<T>): Promise<void> {
  await inWorld(make, async (given) => {
    const saga = { ...given.saga, steps: given.saga.steps.map(twiceDone) }
    assert.equal(await runToEnd(given, saga), 'done')
    await given.verifyDone()
  })
}

/** A journal that lets `writes` transactions through; then the process is dead: nothing is read or written any more. */
function dyingJournal<T extends SagaTypes>(journal: Journal<T>, writes: number, dies: 'before' | 'after') {
  let left = writes
  let dead = false
  let onDeath: () => void = () => undefined
  const died = new Promise<void>((resolve) => (onDeath = resolve))
  const die = (): never => {
    dead = true
    onDeath()
    throw new Crash('crashed')
  }
  const alive =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    async (...args: A) =>
      dead ? die() : method(...args)
  const dying: Journal<T> = {
    claim: alive((request) => journal.claim(request)),
    renew: alive((owner, ids, until) => journal.renew(owner, ids, until)),
    release: alive((owner, id) => journal.release(owner, id)),
    save: (trx, owner, id, entry) => journal.save(trx, owner, id, entry),
    transaction: async (work) => {
      if (dead || (dies === 'before' && left === 0)) die()
      const result = await journal.transaction(work)
      if (left-- === 0) die()
      return result
    },
    isAway: (error) => error instanceof Crash,
  }
  return { dying, died, hasDied: () => dead }
}

/**
 * Kills the runner before, or after, its first write, its second, and so on until it lives long enough to
 * finish; each time another runner takes over. `prepare` may change the saga (to follow an undo, say).
 */
async function crashEverywhere<T extends SagaTypes>(
  make: Make<T>,
  prepare: (saga: Saga<T>) => Saga<T>,
  verify: (given: Given<T>, ending: Ending) => Promise<void>,
): Promise<number> {
  for (let writes = 0; ; writes++) {
    let finished = true
    for (const dies of ['before', 'after'] as const) {
      await inWorld(make, async (given) => {
        const saga = prepare(given.saga)
        const { dying, died, hasDied } = dyingJournal(given.journal, writes, dies)
        const first = testRunner({ ...given, journal: dying }, [saga], 'runner-1')
        first.start()
        const ended = eventually(() => given.ending(), { what: 'the end', everyMs: 2 })
        await Promise.race([died, ended])
        finished &&= !hasDied()
        await first.close()
        await given.breakLeases()
        const ending = await runToEnd(given, saga)
        await ended
        await verify(given, ending)
      })
    }
    if (finished) return writes
  }
}

/** A crash between any two durable writes, going forward and while undoing: another runner brings it to the same end. */
export async function resumesAfterCrashAtEachStep<T extends SagaTypes>(make: Make<T>): Promise<void> {
  const writes = await crashEverywhere(
    make,
    (saga) => saga,
    async (given, ending) => {
      assert.equal(ending, 'done')
      await given.verifyDone()
    },
  )
  assert.ok(writes > 0, 'the crashes did not hit any write')
  const last = (await stepNames(make)).at(-1) ?? ''
  await crashEverywhere(
    make,
    (saga) => replaceStep(saga, last, failingAfter),
    async (given, ending) => {
      assert.equal(ending, 'failed')
      await given.verifyCleanSlate()
    },
  )
}
