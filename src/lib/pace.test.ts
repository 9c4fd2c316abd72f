/** A pace: nobody waits while few come, and in a storm they go together. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import type { Clock } from './clock.ts'
import { createCompany, createPace } from './pace.ts'

/** A clock that stands still until it is told; sleepers wake when their time is over. */
function handClock() {
  let now = 1_000
  let sleepers: { readonly until: number; wake(): void }[] = []
  const clock: Clock = {
    now: () => now,
    sleep: (ms) => new Promise((wake) => sleepers.push({ until: now + ms, wake })),
  }
  const pass = async (ms: number) => {
    now += ms
    const due = sleepers.filter(({ until }) => until <= now)
    sleepers = sleepers.filter(({ until }) => until > now)
    for (const { wake } of due) wake()
    await nextTurn()
  }
  return { clock, pass, set: (at: number) => (now = at) }
}

const options = { gatherMs: 50, storm: { works: 4, withinMs: 200, subjects: 3 } }

test('few, or many about one thing, are due at once; many about many things are not', async () => {
  const { clock, pass, set } = handClock()
  const pace = createPace({ ...options, clock })
  for (const subject of ['a', 'b', 'c']) pace.came(subject)
  pace.began()
  assert.ok(pace.dueMs() <= 0)
  pace.came('d')
  assert.equal(pace.dueMs(), 50)
  await pass(20)
  assert.equal(pace.dueMs(), 30)
  set(500)
  assert.equal(pace.dueMs(), 50, 'a clock that is set back delays nobody for longer')
  set(1_300)
  for (let n = 0; n < 10; n++) pace.came('one after another')
  pace.began()
  assert.ok(pace.dueMs() <= 0)
})

test('in a storm those who come meanwhile go together, and everybody goes', async () => {
  const { clock, pass } = handClock()
  const company = createCompany({ ...options, clock })
  const gone: string[] = []
  const come = (who: string) => void company(who).then(() => gone.push(who))
  come('a')
  await nextTurn()
  assert.deepEqual(gone, ['a'])
  for (const who of ['b', 'c', 'd']) come(who)
  await nextTurn()
  assert.deepEqual(gone, ['a', 'b', 'c', 'd'], 'of one turn')
  for (const who of ['e', 'f']) come(who)
  await pass(30)
  come('g')
  assert.equal(gone.length, 4)
  await pass(20)
  assert.deepEqual(gone, ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  await pass(300)
  come('h')
  await nextTurn()
  assert.equal(gone.at(-1), 'h')
})
