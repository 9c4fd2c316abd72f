/** The runner's leases on a toy saga: handed over, run out, taken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../../test/eventually.ts'
import { testRunner } from '../../../test/saga-tests.ts'
import { given, house, houseWith, run } from '../../../test/toy-saga.ts'

test('closing hands over at the next boundary; the next runner goes on from there', async () => {
  const toy = await given()
  let release: (() => void) | undefined
  let bought = 0
  const slow = houseWith('land', (step) => ({
    do: async (ctx, earlier) => {
      bought++
      await new Promise<void>((resolve) => (release = resolve))
      return step.do(ctx, earlier)
    },
  }))
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
  let lost = 0
  const until = (aborted: AbortSignal) =>
    new Promise<never>((_, reject) =>
      aborted.addEventListener('abort', () => {
        lost++
        reject(aborted.reason)
      }),
    )
  const waiting = houseWith('land', () => ({ do: (ctx) => until(ctx.signal) }))
  let isOver = false
  const answers: (() => void)[] = []
  const silent = {
    renew: () =>
      new Promise<ReadonlySet<string>>((resolve) => {
        const answer = () => resolve(new Set())
        if (isOver) answer()
        else answers.push(answer)
      }),
  }
  const away = { renew: () => Promise.reject(new Error('the database is away')) }
  for (const [how, renewing] of Object.entries({ silent, away })) {
    lost = 0
    isOver = false
    toy.journal.breakLeases()
    const journal = Object.assign(Object.create(toy.journal) as typeof toy.journal, renewing)
    const runner = testRunner({ ...toy, journal }, [waiting], `runner-${how}`, { leaseMs: 60 })
    t.after(() => runner.close())
    runner.start()
    await eventually(() => lost > 0)
    isOver = true
    for (const answer of answers) answer()
    await runner.close()
  }
})

test('a runner that gets an operation again which it lost meanwhile does not go on where it was', async (t) => {
  const toy = await given()
  const began: AbortSignal[] = []
  let mayGoOn = false
  const slow = houseWith('land', (step) => ({
    do: async (ctx, earlier) => {
      began.push(ctx.signal)
      await eventually(() => mayGoOn || ctx.signal.aborted)
      ctx.signal.throwIfAborted()
      return step.do(ctx, earlier)
    },
  }))
  const runner = testRunner(toy, [slow], 'runner-1')
  t.after(() => runner.close())
  runner.start()
  await eventually(() => began.length === 1)
  toy.journal.breakLeases()
  runner.nudge()
  await eventually(() => began.length === 2)
  assert.deepEqual(
    began.map(({ aborted }) => aborted),
    [true, false],
  )
  mayGoOn = true
  assert.equal(await eventually(() => toy.ending()), 'done')
  await toy.verifyDone()
})

test('a runner whose lease was taken writes nothing more', async (t) => {
  const toy = await given()
  let release: (() => void) | undefined
  const slow = houseWith('land', (step) => ({
    do: async (ctx, earlier) => {
      await new Promise<void>((resolve) => (release = resolve))
      return step.do(ctx, earlier)
    },
  }))
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
