/** The runner on a toy saga: the four free tests, rewinding, parking, cancelling, deadlines, retries, leases. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { eventually } from '../../../test/eventually.ts'
import type { MemoryJournal } from '../../../test/memory-journal.ts'
import {
  doTwice,
  failsCleanlyAtEachStep,
  resumesAfterCrashAtEachStep,
  testRunner,
  undoTwice,
} from '../../../test/saga-tests.ts'
import { undoneAtLast } from './index.ts'
import { given, house, houseWith, run, type Toy } from '../../../test/toy-saga.ts'

test('a saga fails cleanly at each step', () => failsCleanlyAtEachStep(given))
test('undos may run twice', () => undoTwice(given))
test('dos may run twice', () => doTwice(given))
test('a saga goes on after a crash between any two writes', () => resumesAfterCrashAtEachStep(given))

test('a failure that another attempt may cure rewinds, and the step knows what was tried', async () => {
  const toy = await given()
  toy.world.answer = (key) => (key.includes(':1:') || key.includes(':2:') ? 'fire' : 'bricks')
  assert.equal(await run(toy), 'done')
  assert.deepEqual([...toy.world.flags], ['ada p3 bricks'])
  assert.deepEqual(toy.world.log.slice(0, 4), [
    '>land',
    'land>bricks',
    'bricks>: the brickworks burns',
    '>land',
  ])
})

test('after the last attempt the operation fails with the last failure', async () => {
  const toy = await given()
  toy.world.answer = () => 'fire'
  assert.equal(await run(toy), 'failed')
  await toy.verifyCleanSlate()
  const { failure, attempt } = toy.journal.row('op').progress ?? {}
  assert.equal(attempt, 3)
  assert.equal(failure?.message, 'the brickworks burns')
  assert.match(failure?.details ?? '', /toy-saga\.ts/)
})

test('a parked step whose time is over fails by name', async () => {
  const toy = await given()
  toy.world.answer = () => undefined
  assert.equal(await run(toy), 'failed')
  await toy.verifyCleanSlate()
  assert.match(
    toy.journal.row('op').progress?.failure?.message ?? '',
    /Step 'bricks' did not finish within 60 ms/,
  )
})

test('a running step whose time is over is aborted, and what it did meanwhile is undone', async () => {
  const toy = await given()
  const slow = houseWith('land', () => ({
    deadlineMs: 20,
    do: (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          ctx.world.land.set(ctx.subject, 'half bought')
          reject(new Error('aborted'))
        })
      }),
  }))
  assert.equal(await run(toy, [slow]), 'failed')
  await toy.verifyCleanSlate()
})

test('a cancelled operation stops at the next boundary and undoes what it did, whether parked or never begun', async () => {
  const begun = await given()
  begun.world.answer = () => undefined
  const runner = testRunner(begun, [house], 'runner-1')
  runner.start()
  await eventually(() => begun.world.orders.size === 1, { everyMs: 1 })
  begun.journal.cancel('op')
  assert.equal(await eventually(() => begun.ending()), 'cancelled')
  await runner.close()
  assert.equal(begun.world.land.size + begun.world.orders.size, 0)
  assert.equal(begun.journal.row('op').progress?.failure, null)

  const fresh = await given()
  fresh.journal.cancel('op')
  assert.equal(await run(fresh), 'cancelled')
  assert.deepEqual(fresh.world.log, ['cancelled'])
})

test('an undo that keeps failing is given up, named, and the others still run', async () => {
  const toy = await given()
  toy.world.answer = () => 'fire'
  let tries = 0
  const stuck = houseWith('bricks', () => ({
    rewind: { to: 'land', when: () => false, attempts: () => 1 },
    undo: async () => Promise.reject(new Error(`try ${++tries}`)),
  }))
  assert.equal(await run(toy, [stuck]), 'failed')
  assert.equal(tries, 3)
  assert.deepEqual(toy.journal.row('op').progress?.leftBehind, ['bricks'])
  assert.equal(toy.world.land.size, 0)
})

test('a step retries what passes by itself, in place', async () => {
  const toy = await given()
  let tries = 0
  const flaky = houseWith('flag', (step) => ({
    retry: { times: 2, delayMs: 1, when: () => true },
    do: async (ctx, earlier) => {
      if (++tries < 3) throw new Error('a gust of wind')
      return step.do(ctx, earlier)
    },
  }))
  assert.equal(await run(toy, [flaky]), 'done')
  await toy.verifyDone()
})

class Away extends Error {}

/** The journal's next transactions fail, some before and some after they were written. */
function takeAway(journal: MemoryJournal<Toy>, when: readonly ('before' | 'after' | undefined)[]): void {
  journal.isAway = (error) => error instanceof Away
  const transaction = journal.transaction.bind(journal)
  let at = 0
  journal.transaction = async (work) => {
    const now = when[at++]
    if (now === 'before') throw new Away()
    const result = await transaction(work)
    if (now === 'after') throw new Away()
    return result
  }
}

for (const now of ['before', 'after'] as const)
  test(`a database that goes away ${now} a write fails no operation: it goes on from what was written`, async () => {
    const toy = await given()
    takeAway(toy.journal, [now, undefined, undefined, now])
    const runner = testRunner(toy, [house], 'runner-1')
    runner.start()
    while ((await toy.ending()) === undefined) {
      await eventually(async () => runner.running() === 0 || (await toy.ending()), { everyMs: 1 })
      toy.journal.breakLeases()
      runner.nudge()
      await nextTurn()
    }
    await runner.close()
    assert.equal(await toy.ending(), 'done')
    await toy.verifyDone()
  })

test('what an undo left behind is undone at last, and the end is not told again', async () => {
  const toy = await given()
  toy.world.answer = () => 'fire'
  let isStuck = true
  const stuck = houseWith('land', (step) => ({
    undo: (ctx, own) => (isStuck ? Promise.reject(new Error('no')) : step.undo!(ctx, own)),
  }))
  assert.equal(await run(toy, [stuck]), 'failed')
  const row = toy.journal.row('op')
  assert.deepEqual(row.progress?.leftBehind, ['land'])
  const told = toy.world.log.length
  isStuck = false
  Object.assign(row, { ending: null, progress: undoneAtLast(row.progress, Date.now()) })
  assert.equal(await run(toy, [stuck]), 'failed')
  assert.deepEqual(row.progress?.leftBehind, [])
  assert.equal(toy.world.log.length, told)
  await toy.verifyCleanSlate()
})
