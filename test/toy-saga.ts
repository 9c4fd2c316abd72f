/** A toy saga: a house is built, of which every step can fail, park, and be undone. */
import assert from 'node:assert/strict'
import { eventually } from './eventually.ts'
import { MemoryJournal, type Rollback } from './memory-journal.ts'
import { type Given, testRunner } from './saga-tests.ts'
import { done, type Outcome, parked, saga, type Saga } from '#lib/saga/index.ts'

export interface World {
  readonly journal: MemoryJournal<Toy>
  readonly land: Map<string, string>
  readonly orders: Map<string, string>
  readonly flags: Set<string>
  /** What the works answers to an order, when it does. */
  answer: ((order: string) => string | undefined) | undefined
  readonly log: string[]
}

export interface Toy {
  readonly Context: null
  readonly World: World
  readonly Trx: Rollback
  readonly StepColumns: { readonly sign?: string }
  readonly SagaColumns: object
}

export class WorksOnFire extends Error {}

/** The works answers a turn later and wakes the operation. */
function order(world: World, operationId: string, key: string): void {
  if (world.orders.has(key)) return
  world.orders.set(key, 'pending')
  setImmediate(() => {
    const answer = world.answer === undefined ? 'bricks' : world.answer(key)
    if (answer !== undefined && world.orders.has(key)) world.orders.set(key, answer)
    world.journal.wake(operationId)
  })
}

export const house = saga<{ readonly owner: string; readonly plots: readonly string[] }, Toy>('house', {})
  .step(
    'land',
    { sign: 'sold' },
    {
      deadlineMs: 1000,
      do: async ({ params, world, subject }, earlier): Promise<Outcome<{ plot: string }, Rollback>> => {
        const plot = params.plots[earlier.length]
        if (plot === undefined)
          throw new Error(`no plot is left after ${earlier.map(({ output }) => output.plot).join(', ')}`)
        world.land.set(subject, plot)
        return done({ plot })
      },
      undo: async ({ world, subject }) => {
        world.land.delete(subject)
        return done(undefined)
      },
    },
  )
  .step(
    'bricks',
    { sign: 'building' },
    {
      deadlineMs: (world) => (world.answer === undefined ? 5_000 : 60),
      rewind: { to: 'land', when: (error) => error instanceof WorksOnFire, attempts: () => 3 },
      do: async ({ world, key, operationId }) => {
        order(world, operationId, key)
        return async () => {
          const state = world.orders.get(key)
          if (state === 'fire') throw new WorksOnFire('the brickworks burns')
          return state === 'pending' ? parked(500) : done({ delivered: state ?? '' })
        }
      },
      undo: async ({ world, operationId }) => {
        for (const key of world.orders.keys()) if (key.startsWith(operationId)) world.orders.delete(key)
        return done(undefined)
      },
    },
  )
  .step(
    'flag',
    {},
    {
      deadlineMs: 1000,
      // The outputs of former steps are typed: no look-up by string, no cast.
      do:
        async ({ outputs, params, world }) =>
        async (trx) => {
          const flag = `${params.owner} ${outputs.land.plot} ${outputs.bricks.delivered}`
          world.flags.add(flag)
          trx.undo(() => world.flags.delete(flag))
          return done(null)
        },
    },
  )

export async function given(): Promise<Given<Toy> & { world: World; journal: MemoryJournal<Toy> }> {
  const journal = new MemoryJournal<Toy>()
  const world: World = {
    journal,
    land: new Map(),
    orders: new Map(),
    flags: new Set(),
    answer: undefined,
    log: [],
  }
  journal.insert('op', 'house', { owner: 'ada', plots: ['p1', 'p2', 'p3', 'p4'] })
  return {
    saga: house,
    journal,
    world,
    hooks: {
      moved: async (trx, _moment, { from, to, failure }) => {
        const line = `${from?.name ?? ''}>${to?.name ?? ''}${failure ? `: ${failure.message}` : ''}`
        world.log.push(line)
        trx.undo(() => world.log.pop())
      },
      ended: async (trx, _moment, { ending }) => {
        world.log.push(ending)
        trx.undo(() => world.log.pop())
        return {}
      },
    },
    ending: async () => journal.row('op').ending ?? undefined,
    breakLeases: async () => journal.breakLeases(),
    verifyCleanSlate: async () => {
      assert.equal(world.land.size + world.orders.size + world.flags.size, 0)
      assert.equal(world.log.at(-1), 'failed')
    },
    verifyDone: async () => {
      assert.deepEqual([...world.flags], ['ada p1 bricks'])
      assert.deepEqual(world.log, ['>land', 'land>bricks', 'bricks>flag', 'flag>', 'done'])
    },
    close: async () => undefined,
  }
}

type ToyStep = Saga<Toy>['steps'][number]

/** The house, one of whose steps is another in some ways. */
export const houseWith = (name: string, change: (step: ToyStep) => Partial<ToyStep>): Saga<Toy> => ({
  ...house,
  steps: house.steps.map((step) => (step.name === name ? { ...step, ...change(step) } : step)),
})

/** Runs what is to be done to its end; answers how it ended. */
export const run = async (
  world: Awaited<ReturnType<typeof given>>,
  sagas: readonly Saga<Toy>[] = [house],
) => {
  const runner = testRunner(world, sagas, 'runner-1')
  runner.start()
  const ending = await eventually(() => world.ending(), { everyMs: 2 })
  await runner.close()
  return ending
}
