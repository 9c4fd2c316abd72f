import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { canAttachInterface, SpawnFailed } from '#virt/port.ts'
import type { Vif } from '#model/network/index.ts'
import { bootDisk } from '../../../test/boot-disk.ts'
import { guestOf, imageOf, sourceOf, withDriver } from '../../../test/contract/virt-driver.ts'
import { createQemuDriver } from './index.ts'
import { createTaps, tapNames } from './taps.ts'
import { createTools, type Tools } from './tools.ts'

const disk = bootDisk()
const mark = () => randomBytes(4).toString('hex')

function bridged(bridge: string, change: Partial<Vif> = {}): Vif {
  return {
    id: 'port',
    macAddress: 'fa:16:3e:00:00:02',
    network: { id: 'n', label: 'private', mtu: 1400 },
    fixedIps: [],
    type: 'bridge',
    vnicType: 'normal',
    devname: `tap${mark()}`,
    details: { bridge_name: bridge },
    active: true,
    preexisting: false,
    tag: null,
    ...change,
  }
}

const ip = (...args: string[]) => createTools().run('ip', args)
const links = () => ip('-brief', 'link')

/** A bridge of our own, where this host lets us make one. */
async function tryBridge(name: string): Promise<boolean> {
  try {
    await ip('link', 'add', name, 'type', 'bridge')
    return true
  } catch {
    return false
  }
}

test('a bridged port is a tap on its bridge while the guest runs, and gone with it', async () => {
  const bridge = `knt${mark()}`
  const mayMake = await tryBridge(bridge)
  const make = (stateDir: string) =>
    createQemuDriver({ stateDir, clock: systemClock, log: silentLog, virtType: 'qemu' })
  try {
    await withDriver(make, async ({ driver }) => {
      const vif = bridged(bridge)
      const guest = guestOf(imageOf(disk), { vifs: [vif] })
      if (!mayMake) {
        await assert.rejects(driver.spawn(guest, sourceOf(disk)), SpawnFailed)
        assert.ok(!(await links()).includes(vif.devname))
        return
      }
      await driver.spawn(guest, sourceOf(disk))
      assert.match(await ip('link', 'show', 'dev', vif.devname), new RegExp(`mtu 1400 .*master ${bridge} `))
      await driver.powerOff(guest.uuid, 0)
      assert.ok(!(await links()).includes(vif.devname))
      await driver.powerOn(guest)
      assert.ok((await links()).includes(vif.devname))
      assert.ok(canAttachInterface(driver))
      const second = bridged(bridge, { macAddress: 'fa:16:3e:00:00:03' })
      await driver.attachInterface({ ...guest, vifs: [vif, second] }, second)
      assert.match(await ip('link', 'show', 'dev', second.devname), new RegExp(`master ${bridge} `))
      await driver.destroy(guest.uuid, [])
      for (const { devname } of [vif, second]) assert.ok(!(await links()).includes(devname))
    })
  } finally {
    if (mayMake) await ip('link', 'delete', bridge)
  }
})

test('a bridge that is not there fails the spawn and leaves no tap', async () => {
  const taps = createTaps(createTools())
  const vif = bridged(`none${mark()}`)
  await assert.rejects(taps.plug([vif]), SpawnFailed)
  assert.ok(!(await links()).includes(vif.devname))
  await taps.unplug([vif.devname])
})

test('a port bound in a way that is not ours fails the spawn by name', async () => {
  const make = (stateDir: string) =>
    createQemuDriver({ stateDir, clock: systemClock, log: silentLog, virtType: 'qemu' })
  await withDriver(make, async ({ driver }) => {
    const guest = guestOf(imageOf(disk), { vifs: [bridged('br-int', { type: 'binding_failed' })] })
    await assert.rejects(
      driver.spawn(guest, sourceOf(disk)),
      /bound as 'binding_failed', which this host cannot plug in/,
    )
    assert.deepEqual(await driver.list(), [])
  })
})

test('only taps are ever touched, whatever a port says', async () => {
  const asked: string[] = []
  const tools: Tools = {
    find: async (name = '') => name,
    run: async (_name, args) => (asked.push(args.join(' ')), ''),
  }
  const taps = createTaps(tools)
  await taps.unplug(['eth0', 'tap0; reboot', '-all', 'tap../../x'])
  await assert.rejects(taps.plug([bridged('br0', { devname: 'eth0' })]), SpawnFailed)
  await assert.rejects(taps.plug([bridged('br0', { details: { bridge_name: '--help x' } })]), SpawnFailed)
  assert.deepEqual(tapNames([bridged('br0', { devname: 'eth0' }), bridged('br0', { type: 'user' })]), [])
  assert.deepEqual(
    asked.filter((line) => !line.startsWith('link delete dev tap')),
    [],
  )
})
