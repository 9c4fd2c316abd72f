/** Property: no interleaving of a build and a delete, on hosts that behave as badly as they like, leaves anything behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { findInstance } from '#db/instances.ts'
import { listLiveOperations } from '#db/operations.ts'
import { eventually } from '../../test/eventually.ts'
import { buildParams, failure, smallCloud } from '../../test/small-cloud.ts'
import { createConductor } from './index.ts'

const MISBEHAVIOURS = {
  none: () => undefined,
  retryable: () => failure('no memory', true),
  fatal: () => failure('a bad image', false),
  silence: () => 'silence' as const,
}

const story = fc.record({
  /** The delete comes when so many things have happened in the world; a second one so many later. */
  deleteAt: fc.integer({ min: 0, max: 22 }),
  secondDeleteAfter: fc.option(fc.integer({ min: 0, max: 8 })),
  /** How long each thing takes, in turns of the event loop. */
  delays: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 40 }),
  h1: fc.constantFrom(...(Object.keys(MISBEHAVIOURS) as (keyof typeof MISBEHAVIOURS)[])),
  h1GoesDownAt: fc.option(fc.integer({ min: 0, max: 15 })),
  /** The conductor closes then, and another one takes over. */
  handOverAt: fc.option(fc.integer({ min: 0, max: 20 })),
})

type Story = typeof story extends fc.Arbitrary<infer S> ? S : never

async function play({
  deleteAt,
  secondDeleteAfter,
  delays,
  h1,
  h1GoesDownAt,
  handOverAt,
}: Story): Promise<void> {
  const cloud = await smallCloud({ config: { closeMs: 200 } })
  const conductors = [createConductor(cloud.deps)]
  const first = conductors[0]
  const later: Promise<unknown>[] = []
  try {
    cloud.computes.h1!.misbehave = (command) => (command.kind === 'build' ? MISBEHAVIOURS[h1]() : undefined)
    const uuid = await cloud.addInstance({ vmState: 'building' })
    const strikes = new Map<number, () => void>()
    const strike = (at: number, blow: () => Promise<unknown>) => {
      const before = strikes.get(at)
      strikes.set(at, () => {
        before?.()
        later.push(blow())
      })
    }
    let deletes = 0
    const remove = async () => {
      // The API admits a delete of what is not deleted yet.
      if (deletes++ === 0 || (await findInstance(cloud.world.db, uuid)))
        await cloud.request('delete-server', uuid, 'deleting', {})
    }
    strike(deleteAt, remove)
    if (secondDeleteAfter !== null) strike(deleteAt + secondDeleteAfter, remove)
    if (h1GoesDownAt !== null) strike(h1GoesDownAt, () => cloud.hostDown('h1'))
    if (handOverAt !== null)
      strike(handOverAt, async () => {
        await nextTurn()
        await first?.close()
        const next = createConductor(cloud.deps)
        conductors.push(next)
        await next.start()
      })
    let happened = 0
    const happens = async () => {
      const at = happened++
      for (let turns = delays[at] ?? 0; turns > 0; turns--) await nextTurn()
      strikes.get(at)?.()
      strikes.delete(at)
    }
    cloud.observe(happens)
    await first?.start()
    await cloud.request('build-server', uuid, 'scheduling', buildParams())

    const idle = async () => (await listLiveOperations(cloud.world.db, uuid)).length === 0
    await eventually(idle, { everyMs: 2, what: 'the end of all operations' })
    // What did not come about during the build comes after it.
    for (const blow of strikes.values()) blow()
    strikes.clear()
    await Promise.all(later)
    await eventually(idle, { everyMs: 2, what: 'the end of all operations' })
    await cloud.hostUp('h1')

    assert.equal(await findInstance(cloud.world.db, uuid), undefined)
    assert.equal((await findInstance(cloud.world.db, uuid, { deleted: 'include' }))?.vmState, 'deleted')
    assert.deepEqual([...cloud.placement.allocations.keys()], [])
    assert.deepEqual(
      cloud.networks.all().map(({ id, deviceId }) => [id, deviceId]),
      [['own-port', '']],
    )
    assert.deepEqual(
      Object.values(cloud.computes).flatMap((compute) => [...compute.guests]),
      [],
    )
  } finally {
    await Promise.allSettled(later)
    for (const conductor of conductors) await conductor.close()
    await cloud.close()
  }
}

test('build and delete, interleaved in any way, leave nothing behind', async () => {
  await fc.assert(fc.asyncProperty(story, play), { numRuns: 80, endOnFailure: false })
})
