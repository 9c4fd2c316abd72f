/** When the plane looks: once for many changes, again after a failure, never for one who asked too late. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { createReconciler } from './reconciler.ts'

/** A clock whose sleeps end when told. */
function handClock(): Clock & { wake(ms: number): void } {
  const sleepers: { ms: number; wake: () => void }[] = []
  return {
    now: () => 0,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ ms, wake: resolve })
        signal?.addEventListener('abort', () => reject(new Error('aborted')))
      }),
    wake: (ms) => sleepers.filter((one) => one.ms === ms).forEach((one) => one.wake()),
  }
}

describe('the reconciler', () => {
  it('answers all who waited with one look, and starts another for those who came during it', async () => {
    const gates: (() => void)[] = []
    const pass = () =>
      new Promise<ReadonlyMap<string, unknown>>((resolve) => gates.push(() => resolve(new Map())))
    const reconciler = createReconciler({ pass, log: silentLog, clock: handClock() })
    reconciler.start(async () => {})
    await new Promise(setImmediate)
    const waiting = Promise.all([reconciler.settled([]), reconciler.settled([])])
    reconciler.changed()
    gates[0]?.()
    await new Promise(setImmediate)
    assert.equal(gates.length, 2)
    gates[1]?.()
    await waiting
    await reconciler.close()
    assert.equal(gates.length, 2)
  })

  it('fails those whose network failed, and tries again', async () => {
    let failures = new Map<string, unknown>([['a', new Error('no bridge')]])
    let looks = 0
    const clock = handClock()
    const pass = async () => ((looks += 1), failures)
    const reconciler = createReconciler({ pass, log: silentLog, clock })
    reconciler.start(async () => {})
    await assert.rejects(reconciler.settled(['a', 'b']), /no bridge/)
    await reconciler.settled(['b'])
    failures = new Map()
    const before = looks
    clock.wake(2_000)
    await new Promise(setImmediate)
    assert.ok(looks > before)
    await reconciler.settled(['a'])
    await reconciler.close()
  })

  it('refuses those who wait when it closes', async () => {
    const reconciler = createReconciler({ pass: async () => new Map(), log: silentLog, clock: handClock() })
    const waiting = reconciler.settled([])
    await reconciler.close()
    await assert.rejects(waiting, /closing/)
    await assert.rejects(reconciler.settled([]), /closing/)
  })
})
