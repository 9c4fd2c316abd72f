/** Reservations that an API left when it died: let go in the end, and never somebody else's. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { insertBlockDevices } from '#db/block-devices.ts'
import { silentLog } from '#lib/log.ts'
import { smallCloud } from '../../../test/small-cloud.ts'
import { volumeDevice } from '../../../test/volume-sagas.ts'
import { strayReservations } from './stray-reservations.ts'

const MINUTE = 60_000

test('a reservation that no disk has is let go once it was seen for long; others are left alone', async (t) => {
  const cloud = await smallCloud()
  t.after(() => cloud.close())
  const { volumes, world } = cloud
  let now = Date.now()
  const later = { ...world, clock: { ...world.clock, now: () => now } }
  const server = await cloud.addInstance({ vmState: 'active' })
  const reserve = async (instanceUuid: string) => (await volumes.reserve(volumes.add().id, instanceUuid)).id
  const stray = await reserve(server)
  const known = await reserve(server)
  await insertBlockDevices(world.db, [volumeDevice(server, 'v', { attachmentId: known })], { now: 1 })
  const busy = await cloud.addInstance({ vmState: 'active' })
  await cloud.request('detach-volume', busy, null, { blockDeviceUuid: randomUUID() })
  const others = [known, await reserve(busy), await reserve(randomUUID())]

  const repair = strayReservations()
  const run = (dryRun = false) => repair.run(later, silentLog, { dryRun })
  assert.deepEqual(await run(), { released: 0 }, 'it may be written down in a moment')
  now += MINUTE
  assert.deepEqual(await run(), { released: 0 })
  now += 5 * MINUTE
  assert.deepEqual(await run(true), { released: 1 })
  assert.ok(volumes.attachments.has(stray))
  assert.deepEqual(await run(), { released: 1 })
  assert.deepEqual([...volumes.attachments.keys()].toSorted(), others.toSorted())
})
