import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POWER_STATES } from '#model/instance/index.ts'
import { command, guestSpec, ok, withCompute } from '../../../test/compute-rig.ts'

test('a server that comes back to a host where its older guest lies: refused, and the older guest is what it was', async () => {
  await withCompute(async ({ driver, send, outcome }) => {
    const guest = guestSpec()
    await driver.spawn({ ...guest, configDrive: null }, { open: () => assert.fail() })
    await driver.powerOff(guest.uuid, 0)
    const back = command('build', guest, { args: { madeBy: 'evacuation-2' } })
    const undo = command('destroy', guest, { args: { onlyMadeBy: 'evacuation-2' } })
    await send(back)
    const refused = await outcome(back)
    assert.ok(!refused.ok && refused.retryable)
    assert.match(refused.message, /in quarantine/)
    await send(undo)
    assert.equal((await outcome(undo)).ok, true)
    assert.deepEqual(await driver.info(guest.uuid), { uuid: guest.uuid, powerState: POWER_STATES.shutdown })
    // Deleted, it goes with all that there is of it.
    const end = command('destroy', guest)
    await send(end)
    assert.deepEqual(await outcome(end), ok())
    assert.equal(await driver.info(guest.uuid), undefined)
  })
})

test('a build done again meets its own guest, and what undoes it removes it', async () => {
  await withCompute(async ({ driver, send, outcome }) => {
    const guest = guestSpec()
    const args = { madeBy: 'evacuation-1' }
    for (const build of [command('build', guest, { args }), command('build', guest, { args })]) {
      await send(build)
      assert.deepEqual(await outcome(build), ok(POWER_STATES.running))
    }
    const undo = command('destroy', guest, { args: { onlyMadeBy: 'evacuation-1' } })
    await send(undo)
    await outcome(undo)
    assert.equal(await driver.info(guest.uuid), undefined)
  })
})
