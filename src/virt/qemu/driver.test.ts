import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type GuestEvent, GuestRefused, SpawnFailed } from '#virt/port.ts'
import { BOOT_TEXT, bootDisk } from '../../../test/boot-disk.ts'
import {
  flavor,
  guestOf,
  imageOf,
  sourceOf,
  virtDriverContract,
  withDriver,
} from '../../../test/contract/virt-driver.ts'
import { eventually } from '../../../test/eventually.ts'
import { createQemuDriver, type QemuDriver, type QemuOptions } from './index.ts'

const disk = bootDisk()
const source = sourceOf(disk)

const make =
  (change: Partial<QemuOptions> = {}) =>
  (stateDir: string) =>
    createQemuDriver({
      stateDir,
      clock: systemClock,
      log: silentLog,
      softRebootTimeoutMs: 100,
      virtType: 'qemu',
      ...change,
    })

const withQemu = (
  body: (driver: QemuDriver, stateDir: string) => Promise<void>,
  change: Partial<QemuOptions> = {},
) => withDriver(make(change), ({ driver, stateDir }) => body(driver as QemuDriver, stateDir))

virtDriverContract('qemu', make(), {
  failing: () => guestOf(imageOf(disk), { flavor: { ...flavor, vcpus: 100_000 } }),
})

const pidOf = async (stateDir: string, uuid: string): Promise<number> =>
  Number(await readFile(join(stateDir, 'instances', uuid, 'qemu.pid'), 'utf8'))

const instanceDirs = async (stateDir: string) =>
  (await readdir(join(stateDir, 'instances'))).filter((name) => name !== '_base')

/** Command lines of QEMU processes that know of this folder. */
async function processesOf(stateDir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.includes('qemu') && line.includes(stateDir))
}

test('a guest prints to its console, and its serial line can be read by socket', async () => {
  await withQemu(async (driver) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    await eventually(async () =>
      (await driver.consoleOutput(guest.uuid, 1000)).toString().includes(BOOT_TEXT),
    )
    const address = await driver.serialAddress(guest.uuid)
    assert.ok('unixPath' in address)
    const socket = connect(address.unixPath)
    await once(socket, 'connect')
    socket.destroy()
  })
})

test('the screen speaks RFB on a socket that only its owner may open', async () => {
  await withQemu(async (driver, stateDir) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    const address = await driver.vncAddress(guest.uuid)
    assert.ok('unixPath' in address)
    const socket = connect(address.unixPath)
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    assert.match(greeting.toString(), /^RFB 003\.008/)
    assert.equal((await stat(address.unixPath)).mode & 0o077, 0)
    assert.equal((await stat(join(stateDir, 'instances', guest.uuid))).mode & 0o077, 0)
  })
})

test('QEMU killed from outside is noticed and announced once', async () => {
  await withQemu(async (driver, stateDir) => {
    const events: GuestEvent[] = []
    driver.onEvent((event) => events.push(event))
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    process.kill(await pidOf(stateDir, guest.uuid), 'SIGKILL')
    await eventually(() => events.length > 0)
    assert.deepEqual(events, [{ kind: 'power', uuid: guest.uuid, powerState: POWER_STATES.shutdown }])
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.shutdown)
    await driver.powerOn(guest)
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.running)
  })
})

test('a guest that powers itself off is announced, also one adopted after a restart', async () => {
  await withDriver(make(), async ({ driver, stateDir, restart }) => {
    const off = bootDisk('off')
    const events: GuestEvent[] = []
    driver.onEvent((event) => events.push(event))
    const guest = guestOf(imageOf(off))
    await driver.spawn(guest, sourceOf(off))
    await eventually(() => events.length === 1)

    const lasting = guestOf(imageOf(disk))
    await driver.spawn(lasting, source)
    const again = await restart()
    const later: GuestEvent[] = []
    again.onEvent((event) => later.push(event))
    process.kill(await pidOf(stateDir, lasting.uuid), 'SIGKILL')
    await eventually(() => later.length === 1)
    assert.deepEqual(later, [{ kind: 'power', uuid: lasting.uuid, powerState: POWER_STATES.shutdown }])
  })
})

test('a guest deaf to the power button is stopped by force after its time', async () => {
  await withQemu(async (driver) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    await driver.powerOff(guest.uuid, 50)
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.shutdown)
  })
})

test('a destroy does not wait for a stop under way', async () => {
  await withQemu(async (driver, stateDir) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    const stopping = assert.rejects(driver.powerOff(guest.uuid, 60_000), /being removed/)
    await driver.destroy(guest.uuid, [])
    await stopping
    assert.deepEqual(await instanceDirs(stateDir), [])
    assert.deepEqual(await processesOf(stateDir), [])
  })
})

test('closing the driver gives up what is under way, and leaves nothing of it', async () => {
  await withDriver(make(), async ({ driver, stateDir, restart }) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    const stopping = assert.rejects(driver.powerOff(guest.uuid, 600_000))
    const never = { open: () => new Promise<never>(() => undefined) }
    const spawning = assert.rejects(driver.spawn(guestOf(imageOf(disk)), never), /The compute service stops/)
    const again = await restart()
    await stopping
    await spawning
    assert.equal((await again.info(guest.uuid))?.powerState, POWER_STATES.running)
    assert.deepEqual(await instanceDirs(stateDir), [guest.uuid])
  })
})

test('a failing start leaves no folder and no process, and says what QEMU said', async () => {
  await withQemu(async (driver, stateDir) => {
    const tooMuch = guestOf(imageOf(disk), { flavor: { ...flavor, memoryMb: 2 ** 40 } })
    await assert.rejects(driver.spawn(tooMuch, source), (error: Error) => {
      assert.ok(error instanceof SpawnFailed)
      assert.match(error.message, /QEMU ended while starting \(exit code 1\)/)
      assert.match(String(error.cause), /qemu-system/)
      return true
    })
    assert.deepEqual(await instanceDirs(stateDir), [])
    assert.deepEqual(await processesOf(stateDir), [])
  })
})

test('without QEMU a spawn says so, before anything is downloaded', async () => {
  await withQemu(
    async (driver, stateDir) => {
      const untouched = { open: () => assert.fail('the image was asked for') }
      await assert.rejects(driver.spawn(guestOf(imageOf(disk)), untouched), (error: Error) => {
        assert.ok(error instanceof SpawnFailed)
        assert.match(error.message, /qemu-system-x86_64 is not installed on this host/)
        return true
      })
      assert.deepEqual(await instanceDirs(stateDir), [])
      assert.ok((await driver.resources()).vcpus > 0)
    },
    { searchPath: ['/nonexistent'] },
  )
})

test('what a crash left half made is removed at the next start; a strange process is never taken for a guest', async () => {
  await withDriver(make(), async ({ driver, stateDir, restart }) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    await driver.powerOff(guest.uuid, 0)
    // A recycled process id: the file names a process that is not this guest's.
    await writeFile(join(stateDir, 'instances', guest.uuid, 'qemu.pid'), String(process.pid))
    const again = await restart()
    assert.equal((await again.info(guest.uuid))?.powerState, POWER_STATES.shutdown)

    const halfMade = guestOf(imageOf(disk)).uuid
    await again.close()
    await mkdir(join(stateDir, 'instances', halfMade))
    await restart()
    assert.deepEqual(await instanceDirs(stateDir), [guest.uuid])
  })
})

test('a state folder too deep for unix sockets still works', async () => {
  const deep = 'a-rather-long-name-for-a-folder/'.repeat(4)
  await withDriver(
    (dir) => make()(join(dir, deep)),
    async ({ driver, restart }) => {
      const guest = guestOf(imageOf(disk))
      await driver.spawn(guest, source)
      const again = await restart()
      assert.equal((await again.info(guest.uuid))?.powerState, POWER_STATES.running)
      const address = await (again as QemuDriver).vncAddress(guest.uuid)
      assert.ok('unixPath' in address && address.unixPath.length <= 107)
    },
  )
})

test('every disk of the flavor, a config drive, user networking and q35 start', async () => {
  await withQemu(async (driver, stateDir) => {
    const vif = {
      id: '7d2e0b4a-0000-4000-8000-000000000000',
      macAddress: 'fa:16:3e:00:00:01',
      network: { id: 'n', label: 'private', mtu: 1450 },
      fixedIps: [],
      type: 'user',
      vnicType: 'normal',
      devname: 'tap7d2e0b4a-00',
      details: {},
      active: true,
      preexisting: false,
      tag: null,
    }
    const guest = guestOf(
      imageOf(disk, {
        properties: {
          hw_machine_type: 'q35',
          hw_disk_bus: 'scsi',
          hw_vif_model: 'e1000',
          hw_qemu_guest_agent: 'yes',
        },
      }),
      {
        flavor: { ...flavor, ephemeralGb: 1, swapMb: 64 },
        vifs: [vif],
        configDrive: { 'openstack/latest/meta_data.json': '{}' },
      },
    )
    await driver.spawn(guest, source)
    const files = await readdir(join(stateDir, 'instances', guest.uuid))
    for (const file of ['disk', 'disk.eph0', 'disk.swap', 'disk.config'])
      assert.ok(files.includes(file), file)
    await eventually(async () =>
      (await driver.consoleOutput(guest.uuid, 1000)).toString().includes(BOOT_TEXT),
    )
  })
})

test('a config drive with a path that leaves it is no config drive', async () => {
  await withQemu(async (driver, stateDir) => {
    const guest = guestOf(imageOf(disk), { configDrive: { '../../evil': 'x' } })
    await assert.rejects(driver.spawn(guest, source), SpawnFailed)
    assert.deepEqual(await instanceDirs(stateDir), [])
  })
})

test('hardware that is not there is refused by name', async () => {
  await withQemu(async (driver) => {
    for (const properties of [
      { hw_machine_type: 'pc,accel=evil' },
      { hw_disk_bus: 'xen' },
      { hw_firmware_type: 'uefi' },
      { hw_vif_model: 'constructor' },
    ]) {
      const [[name]] = Object.entries(properties) as [[string, string]]
      await assert.rejects(driver.spawn(guestOf(imageOf(disk, { properties })), source), (error: Error) => {
        assert.ok(error instanceof GuestRefused)
        assert.match(error.message, new RegExp(name))
        return true
      })
    }
  })
})

test("a guest's endless chatter does not fill the disk", async () => {
  await withQemu(
    async (driver, stateDir) => {
      const chatter = bootDisk('chatter')
      const guest = guestOf(imageOf(chatter))
      await driver.spawn(guest, sourceOf(chatter))
      const dir = join(stateDir, 'instances', guest.uuid)
      await eventually(
        async () => (await stat(join(dir, 'console.log.1')).catch(() => undefined))?.size === 10_000,
      )
      const output = await driver.consoleOutput(guest.uuid, 10_000)
      assert.equal(output.length, 10_000)
      assert.ok(output.toString().includes(BOOT_TEXT))
    },
    { consoleLogLimitBytes: 10_000 },
  )
})

test('stopping all at once does not wait for a patient stop', async () => {
  await withQemu(async (driver) => {
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    const patient = assert.rejects(driver.stopAll(600_000), /switched off/)
    assert.deepEqual(await driver.stopAll(0), [guest.uuid])
    await patient
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.shutdown)
  })
})

test('stopping all says which guests ran', async () => {
  await withQemu(async (driver) => {
    const [on, off] = [guestOf(imageOf(disk)), guestOf(imageOf(disk))]
    await driver.spawn(on, source)
    await driver.spawn(off, source)
    await driver.powerOff(off.uuid, 0)
    assert.deepEqual(await driver.stopAll(50), [on.uuid])
    assert.deepEqual(
      (await driver.list()).map((guest) => guest.powerState),
      [POWER_STATES.shutdown, POWER_STATES.shutdown],
    )
  })
})
