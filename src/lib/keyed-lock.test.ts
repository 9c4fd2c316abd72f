import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyedLock } from './keyed-lock.ts'

/** Work that ends when it is told to, or aborted. */
function work(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const run = async (signal: AbortSignal) => {
    log.push(`${name} begins`)
    signal.addEventListener('abort', () => resolve())
    await promise
    log.push(signal.aborted ? `${name} gives up` : `${name} ends`)
  }
  return { run, finish: resolve }
}

test('work of one key runs in order, of different keys side by side', async () => {
  const lock = createKeyedLock()
  const log: string[] = []
  const [a, b, other] = [work(log, 'a'), work(log, 'b'), work(log, 'other')]
  const all = [lock.run('k', a.run), lock.run('k', b.run), lock.run('other', other.run)]
  other.finish()
  await all[2]
  b.finish()
  a.finish()
  await Promise.all(all)
  assert.deepEqual(log, ['a begins', 'other begins', 'other ends', 'a ends', 'b begins', 'b ends'])
  assert.ok(!lock.isBusy('k'))
})

test('preempting work ends what runs and what waits, but not preempting work', async () => {
  const lock = createKeyedLock()
  const log: string[] = []
  const [running, waiting, first, second] = ['running', 'waiting', 'first', 'second'].map((name) =>
    work(log, name),
  )
  assert.ok(running && waiting && first && second)
  const a = lock.run('k', running.run)
  const b = assert.rejects(lock.run('k', waiting.run), /make way/)
  await Promise.resolve()
  const c = lock.preempt('k', new Error('make way'), first.run)
  const d = lock.preempt('k', new Error('make way'), second.run)
  second.finish()
  await a
  await b
  first.finish()
  await Promise.all([c, d])
  assert.deepEqual(log, [
    'running begins',
    'running gives up',
    'first begins',
    'first ends',
    'second begins',
    'second ends',
  ])
})

test('work that throws lets the next one in', async () => {
  const lock = createKeyedLock()
  await assert.rejects(
    lock.run('k', () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await lock.run('k', async () => 'fine'), 'fine')
})
