/** The runner's leases on a toy saga: handed over, run out, taken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../../test/eventually.ts'
import { testRunner } from '../../../test/saga-tests.ts'
import type { Saga } from './index.ts'
import { given, house, run, type Toy } from '../../../test/toy-saga.ts'

test('closing hands over at the next boundary; the next runner goes on from there', async () => {
  const toy = await given()
  let release: (() => void) | undefined
  let bought = 0
  const slow: Saga<Toy> = {
    ...house,
    steps: house.steps.map((step) =>
      step.name === 'land'
        ? {
            ...step,
            do: async (ctx, earlier) => {
              bought++
              await new Promise<void>((resolve) => (release = resolve))
              return step.do(ctx, earlier)
            },
          }
        : step,
    ),
  }
  const first = testRunner(toy, [slow], 'runner-1')
  first.start()
  await eventually(() => release !== undefined)
  const closed = first.close()
  release?.()
  await closed
  assert.equal(toy.journal.row('op').owner, null)
  assert.equal(toy.journal.row('op').progress?.step, 'bricks')
  assert.equal(await run(toy, [slow]), 'done')
  assert.equal(bought, 1)
  await toy.verifyDone()
})

test('what a runner holds is lost when its lease ends, though the journal says nothing', async (t) => {
  const toy = await given()
  let signal: AbortSignal | undefined
  const until = (aborted: AbortSignal) =>
    new Promise<never>((_, reject) => aborted.addEventListener('abort', () => reject(aborted.reason)))
  const waiting: Saga<Toy> = {
    ...house,
    steps: house.steps.map((step, at) =>
      at === 0 ? { ...step, do: (ctx) => until((signal = ctx.signal)) } : step,
    ),
  }
  const answers: (() => void)[] = []
  const silent = {
    renew: () => new Promise<ReadonlySet<string>>((resolve) => answers.push(() => resolve(new Set()))),
  }
  const journal = Object.assign(Object.create(toy.journal) as typeof toy.journal, silent)
  const runner = testRunner({ ...toy, journal }, [waiting], 'runner-1', { leaseMs: 60 })
  t.after(() => runner.close())
  runner.start()
  await eventually(() => signal?.aborted)
  for (const answer of answers) answer()
})

test('a runner whose lease was taken writes nothing more', async (t) => {
  const toy = await given()
  let release: (() => void) | undefined
  const slow: Saga<Toy> = {
    ...house,
    steps: house.steps.map((step, at) =>
      at === 0
        ? {
            ...step,
            do: async (ctx, earlier) => (
              await new Promise<void>((resolve) => (release = resolve)), step.do(ctx, earlier)
            ),
          }
        : step,
    ),
  }
  const first = testRunner(toy, [slow], 'runner-1', { concurrency: 1 })
  t.after(() => first.close())
  first.start()
  await eventually(() => release !== undefined)
  toy.journal.breakLeases()
  const second = testRunner(toy, [house], 'runner-2')
  t.after(() => second.close())
  second.start()
  assert.equal(await eventually(() => toy.ending()), 'done')
  const before = JSON.stringify(toy.journal.row('op'))
  release?.()
  await first.close()
  await second.close()
  assert.equal(JSON.stringify(toy.journal.row('op')), before)
  await toy.verifyDone()
})
