import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type GuestEvent, NotSupported } from '#virt/port.ts'
import { BOOT_TEXT, bootDisk } from '../../../test/boot-disk.ts'
import {
  type DriverUnderTest,
  guestOf,
  imageOf,
  sourceOf,
  withDriver,
} from '../../../test/contract/virt-driver.ts'
import { eventually } from '../../../test/eventually.ts'
import { createQemuDriver, type QemuDriver } from './index.ts'

const { running, suspended } = POWER_STATES

interface Under extends DriverUnderTest {
  readonly driver: QemuDriver
}

/** A driver, and a guest of its that prints what comes by its serial line and has begun to. */
const withEcho = (body: (under: Under, guest: ReturnType<typeof guestOf>) => Promise<void>) =>
  withDriver(
    (stateDir) => createQemuDriver({ stateDir, clock: systemClock, log: silentLog, virtType: 'qemu' }),
    async (under) => {
      const disk = bootDisk('echo')
      const guest = guestOf(imageOf(disk))
      const driver = under.driver as QemuDriver
      await driver.spawn(guest, sourceOf(disk))
      await eventually(async () => (await printed(driver, guest.uuid)) === BOOT_TEXT)
      await body({ ...under, driver }, guest)
    },
  )

const printed = async (driver: QemuDriver, uuid: string) =>
  (await driver.consoleOutput(uuid, 1000)).toString()

const stateOf = async (driver: Pick<QemuDriver, 'info'>, uuid: string) =>
  (await driver.info(uuid))?.powerState

async function type(driver: QemuDriver, uuid: string, text: string): Promise<void> {
  const address = await driver.serialAddress(uuid)
  assert.ok('unixPath' in address)
  const socket = connect(address.unixPath)
  await once(socket, 'connect')
  socket.write(text)
  await eventually(async () => (await printed(driver, uuid)).endsWith(text))
  socket.destroy()
}

test('a guest goes on where it stood, however often, and nothing of its memory stays', async () => {
  await withEcho(async ({ driver, stateDir, restart }, { uuid, ...rest }) => {
    await driver.suspend(uuid)
    assert.equal((await driver.diagnostics(uuid)).state, 'suspended')
    const again = (await restart()) as QemuDriver
    await again.resume({ uuid, ...rest })
    await type(again, uuid, 'a')
    await again.suspend(uuid)
    await again.powerOn({ uuid, ...rest })
    await type(again, uuid, 'b')
    assert.equal(await printed(again, uuid), `${BOOT_TEXT}ab`)
    const files = await readdir(join(stateDir, 'instances', uuid))
    assert.deepEqual(
      files.filter((name) => name.startsWith('memory')),
      [],
    )
  })
})

test('a guest whose memory cannot be written runs on', async () => {
  await withEcho(async ({ driver, stateDir }, { uuid }) => {
    const events: GuestEvent[] = []
    driver.onEvent((event) => events.push(event))
    const inTheWay = join(stateDir, 'instances', uuid, 'memory.part')
    await mkdir(inTheWay)
    await assert.rejects(driver.suspend(uuid))
    assert.equal(await stateOf(driver, uuid), running)
    await type(driver, uuid, 'a')
    assert.deepEqual(events, [])
    await rm(inTheWay, { recursive: true, force: true })
    await driver.suspend(uuid)
    assert.equal(await stateOf(driver, uuid), suspended)
  })
})

test('a guest whose memory cannot be read stays suspended, and can be rebooted', async () => {
  await withEcho(async ({ driver, stateDir }, guest) => {
    const { uuid } = guest
    await driver.suspend(uuid)
    await writeFile(join(stateDir, 'instances', uuid, 'memory'), 'not what a guest remembers')
    await assert.rejects(driver.resume(guest), /QEMU/)
    assert.equal(await stateOf(driver, uuid), suspended)
    await driver.reboot(guest, 'hard')
    await eventually(async () => (await printed(driver, uuid)) === BOOT_TEXT.repeat(2))
  })
})

test('a process that was not ended before a crash is, and its memory is the one that was saved', async () => {
  await withEcho(async ({ driver, stateDir, restart }, guest) => {
    const { uuid } = guest
    const record = join(stateDir, 'instances', uuid, 'guest.json')
    await driver.suspend(uuid)
    const saved = await readFile(record, 'utf8')
    // As it is when the memory is back, and nobody has written yet that it is.
    await driver.resume(guest)
    await driver.pause(uuid)
    await writeFile(record, saved)
    const again = (await restart()) as QemuDriver
    assert.equal(await stateOf(again, uuid), suspended)
    assert.deepEqual(await again.stopAll(0), [])
  })
})

test('memory fits no other devices: a guest that was given one runs on', async () => {
  await withEcho(async ({ driver, stateDir }, guest) => {
    const { uuid } = guest
    const file = join(stateDir, 'volume')
    await writeFile(file, Buffer.alloc(1024 * 1024))
    const connection = { driverVolumeType: 'local', data: { device_path: file } }
    await driver.attachVolume(uuid, { volumeId: randomUUID(), deviceName: '/dev/vdb', tag: null, connection })
    await assert.rejects(driver.suspend(uuid), NotSupported)
    await type(driver, uuid, 'a')
    await driver.reboot(guest, 'hard')
    await driver.suspend(uuid)
    assert.equal(await stateOf(driver, uuid), suspended)
  })
})
