/** One process speaks for a host: a second one is refused, and one that was taken over from must stop. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createCompute } from '#compute/index.ts'
import { createConductor } from '#conductor/index.ts'
import { findServiceOnHost } from '#db/services.ts'
import { silentLog } from '#lib/log.ts'
import { createSimulatedDriver } from '#virt/simulated/index.ts'
import { eventually } from '../eventually.ts'
import { smallCloud } from '../small-cloud.ts'

const HOST = 'shared-name'

async function conductorWith(t: TestContext) {
  const cloud = await smallCloud({ config: { serviceDownTimeMs: 60_000 } })
  const { deps, bus } = cloud
  const conductor = createConductor(deps)
  await conductor.start()
  /** A process on the machine that keeps `identity`. */
  const compute = (identity: string) => {
    const taken: Error[] = []
    const made = createCompute({
      host: HOST,
      identity,
      onTaken: (error) => void taken.push(error),
      driver: createSimulatedDriver({ clock: deps.clock, vcpus: 8, memoryMb: 16_384, diskGb: 100 }),
      bus,
      placement: { syncProvider: async () => undefined, allocationsOn: async () => ({}) },
      images: {
        download: () => assert.fail('nothing is built'),
        upload: () => assert.fail('nothing is kept'),
      },
      clock: deps.clock,
      ids: deps.ids,
      log: silentLog,
      config: { reportIntervalMs: 30 },
    })
    return { ...made, taken }
  }
  t.after(async () => {
    await conductor.close()
    await cloud.close()
  })
  return { ...cloud, compute }
}

const refused = { kind: 'conflict', code: 'service.taken', message: /another nova-compute serves the host/ }

test('another machine that goes by the same name is refused until the first one says goodbye', async (t) => {
  const { compute } = await conductorWith(t)
  const [first, second] = [compute('machine-1'), compute('machine-2')]
  await first.start()
  await assert.rejects(second.start(), refused)
  await second.close()
  assert.deepEqual(first.taken, [], 'the refused one said goodbye for nobody but itself')
  await first.close()
  const third = compute('machine-2')
  await third.start()
  await third.close()
})

test('a process that was killed is taken over from at once on its own machine, and must stop if it lives', async (t) => {
  const { compute } = await conductorWith(t)
  const [stuck, next] = [compute('machine-1'), compute('machine-1')]
  await stuck.start()
  await next.start()
  await eventually(() => stuck.taken.length > 0 || undefined, { what: 'the older process hearing of it' })
  assert.deepEqual(next.taken, [])
  await stuck.close()
  await next.close()
})

test('another machine takes over from one that was silent for too long', async (t) => {
  const { compute, world } = await conductorWith(t)
  const first = compute('machine-1')
  await first.start()
  await world.db
    .updateTable('services')
    .set({ last_seen_up_at: world.clock.now() - 61_000, process: 'a process that is gone' })
    .where('host', '=', HOST)
    .execute()
  const second = compute('machine-2')
  await second.start()
  await eventually(() => first.taken.length > 0 || undefined, { what: 'the silent one hearing of it' })
  assert.equal((await findServiceOnHost(world.db, HOST, 'nova-compute'))?.host, HOST)
  await first.close()
  await second.close()
})
