/** Judging by silence: others' is one's own while nothing can be heard, and for a while after. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { createHearing } from './hearing.ts'

test('what could not be heard is judged by when it still could, until all had time to be heard again', () => {
  let at = 1_000
  const clock = { ...systemClock, now: () => at }
  const hearing = createHearing(clock, 10)
  at += 500
  assert.equal(hearing.now(), 1_500, 'nothing was heard yet: the clock counts')
  hearing.heard()
  at += 20
  assert.equal(hearing.now(), 1_520)
  at += 100
  assert.equal(hearing.now(), 1_500, 'cut off since then')
  hearing.heard()
  at += 10
  hearing.heard()
  assert.equal(hearing.now(), 1_500, 'the others are given time')
  at += 10
  assert.equal(hearing.now(), 1_640)
  assert.equal(hearing.now(), clock.now())
})
