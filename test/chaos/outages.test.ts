/** Waiting is what was spent while something needed was down, counted once; the rest is the process's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutages } from './outages.ts'

test('waiting is counted once, for what the kind needs, and only while all of a kind are down', () => {
  let at = 0
  const outages = createOutages(['nova-conductor-1', 'nova-conductor-2', 'nova-compute-fake-1'], () => at)
  const broker = outages.begin('broker')
  at = 100
  const database = outages.begin('database')
  at = 300
  broker()
  at = 400
  database()
  at = 1_000
  assert.equal(outages.waited('nova-conductor', 50), 350)
  assert.equal(outages.waited('nova-novncproxy', 50), 250)
  assert.equal(outages.waited('nova-conductor', 500), 0)
  const first = outages.begin('nova-conductor-1')
  at = 1_100
  assert.equal(outages.waited('nova-compute', 1_000), 0, 'another conductor serves')
  const second = outages.begin('nova-conductor-2')
  at = 1_250
  assert.equal(outages.waited('nova-compute', 1_000), 150, 'none serves')
  first()
  at = 1_500
  second()
  assert.equal(outages.waited('nova-compute', 1_000), 150)
})
