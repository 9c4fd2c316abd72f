import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { eventually } from '../../test/eventually.ts'
import { repeat } from './repeat.ts'

const world = { clock: systemClock, log: silentLog }

test('a round runs at once, on its timer and on a nudge, and never after its close', async () => {
  let runs = 0
  const round = repeat({ name: 't', everyMs: 60_000, run: async () => void runs++ }, world)
  await eventually(() => runs === 1)
  round.nudge()
  await eventually(() => runs === 2)
  await round.close()
  round.nudge()
  assert.equal(runs, 2)
})

test('after a failure the next run comes soon, whatever the interval', async () => {
  let runs = 0
  const run = async () => {
    runs += 1
    if (runs === 1) throw new Error('not yet')
  }
  const begin = performance.now()
  const round = repeat({ name: 't', everyMs: 600_000, run }, world)
  await eventually(() => runs === 2)
  assert.ok(performance.now() - begin < 5_000)
  await round.close()
})

test('a round may wait for its first interval, and no interval is too long for a timer', async () => {
  let runs = 0
  const slept: number[] = []
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      slept.push(ms)
      return systemClock.sleep(ms, signal)
    },
  }
  const everyMs = Number.MAX_SAFE_INTEGER
  const run = async () => void runs++
  const round = repeat({ name: 't', everyMs, waitsFirst: true, run }, { ...world, clock })
  await round.close()
  assert.equal(runs, 0)
  assert.deepEqual(slept, [2 ** 31 - 1])
})
