import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type GuestEvent, GuestRefused, SpawnFailed } from '#virt/port.ts'
import { bootDisk } from '../../../test/boot-disk.ts'
import {
  flavor,
  guestOf,
  imageOf,
  sourceOf,
  virtDriverContract,
  withDriver,
} from '../../../test/contract/virt-driver.ts'
import { virtDevicesContract } from '../../../test/contract/virt-devices.ts'
import { eventually } from '../../../test/eventually.ts'
import { createFailureCounter, createSimulatedDriver } from './index.ts'

const make = (dir: string) => createSimulatedDriver({ clock: systemClock, stateFile: join(dir, 'guests') })
const disk = bootDisk()
const source = sourceOf(disk)
const asking = (properties: Record<string, string>) => guestOf(imageOf(disk, { properties }))

virtDevicesContract('simulated', make)
virtDriverContract('simulated', make, { failing: () => asking({ kilonova_sim_fail: 'spawn' }) })

test('a guest fails as often as asked, over all hosts that share a counter', async () => {
  const failures = createFailureCounter()
  const [first, second] = [1, 2].map(() => createSimulatedDriver({ clock: systemClock, failures }))
  assert.ok(first && second)
  const guest = asking({ kilonova_sim_fail: 'spawn,stop', kilonova_sim_fail_times: '1' })
  await assert.rejects(first.spawn(guest, source), SpawnFailed)
  await first.destroy(guest.uuid, [])
  await second.spawn(guest, source)
  await assert.rejects(second.powerOff(guest.uuid, 0))
  await second.powerOff(guest.uuid, 0)
})

test('the flavor can ask too, and a refusal is one', async () => {
  await withDriver(make, async ({ driver }) => {
    const extraSpecs = { 'kilonova:sim_fail': 'spawn', 'kilonova:sim_fail_kind': 'refused' }
    const guest = guestOf(imageOf(disk), { flavor: { ...flavor, extraSpecs } })
    await assert.rejects(driver.spawn(guest, source), GuestRefused)
  })
})

test('a guest that powers itself off is announced', async () => {
  await withDriver(make, async ({ driver }) => {
    const events: GuestEvent[] = []
    driver.onEvent((event) => events.push(event))
    const guest = asking({ kilonova_sim_power_off_ms: '5' })
    await driver.spawn(guest, source)
    await eventually(() => events.length === 1)
    assert.deepEqual(events, [{ kind: 'power', uuid: guest.uuid, powerState: POWER_STATES.shutdown }])
  })
})
