import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { type GuestDefinition, GuestRefused } from '#virt/port.ts'
import { BOOT_TEXT, bootDisk } from '../../../test/boot-disk.ts'
import { guestOf, imageOf, sourceOf, withDriver } from '../../../test/contract/virt-driver.ts'
import { eventually } from '../../../test/eventually.ts'
import { createQemuDriver, type QemuDriver } from './index.ts'

const RESCUE_TEXT = BOOT_TEXT.replace('kilonova', 'rescuing')
const own = bootDisk()
const other = Buffer.from(own.toString('latin1').replace('kilonova', 'rescuing'), 'latin1')
const source = sourceOf(other)

interface Under {
  readonly driver: QemuDriver
  readonly guest: GuestDefinition
  files(): Promise<readonly string[]>
  /** Waits until the guest has printed this, from its first start on. */
  printed(text: string): Promise<void>
}

/** A driver, and a guest of its that has started from its own disk. */
const withGuest = (body: (under: Under) => Promise<void>) =>
  withDriver(
    (stateDir) => createQemuDriver({ stateDir, clock: systemClock, log: silentLog, virtType: 'qemu' }),
    async (under) => {
      const driver = under.driver as QemuDriver
      const guest = guestOf(imageOf(own), { configDrive: { 'openstack/latest/meta_data.json': '{}' } })
      const printed = async (text: string) => {
        await eventually(async () => (await driver.consoleOutput(guest.uuid, 10_000)).toString() === text, {
          what: `the guest to print ${text}`,
        })
      }
      const files = () => readdir(join(under.stateDir, 'instances', guest.uuid))
      await driver.spawn(guest, sourceOf(own))
      await printed(BOOT_TEXT)
      await body({ driver, guest, files, printed })
    },
  )

test('a rescued guest starts from the other image, has its own disk second, and goes back to it', async () => {
  await withGuest(async ({ driver, guest, files, printed }) => {
    const told = {
      ...guest,
      configDrive: { 'openstack/latest/meta_data.json': '{"admin_pass":"opensesame"}' },
    }
    await driver.rescue(told, imageOf(other), source)
    await printed(BOOT_TEXT + RESCUE_TEXT)
    assert.ok((await files()).includes('disk.config.rescue'))
    assert.equal((await driver.diagnostics(guest.uuid)).disks.length, 3)
    await driver.unrescue(guest)
    await printed(BOOT_TEXT + RESCUE_TEXT + BOOT_TEXT)
    assert.deepEqual(
      (await files()).filter((name) => name.includes('rescue')),
      [],
    )
  })
})

test('an image may say how it is to be seen: the disks of the guest stay where they are', async () => {
  await withGuest(async ({ driver, guest, printed }) => {
    const ways = [
      { hw_rescue_bus: 'scsi', hw_rescue_device: 'disk' },
      { hw_rescue_bus: 'virtio' },
      { hw_rescue_bus: 'usb' },
      { hw_rescue_bus: 'ide', hw_rescue_device: 'disk' },
    ]
    let expected = BOOT_TEXT
    for (const properties of ways) {
      await driver.rescue(guest, imageOf(other, { properties }), source)
      expected += RESCUE_TEXT
      await printed(expected)
    }
    // What is in a drive is started otherwise than a disk: the firmware finds nothing there, and takes the next.
    await driver.rescue(guest, imageOf(other, { properties: { hw_rescue_device: 'cdrom' } }), source)
    await printed(expected + BOOT_TEXT)
    for (const properties of [
      { hw_rescue_bus: 'xen' },
      { hw_rescue_device: 'floppy' },
      { hw_rescue_bus: 'virtio', hw_rescue_device: 'cdrom' },
      { hw_rescue_bus: 'constructor' },
    ])
      await assert.rejects(driver.rescue(guest, imageOf(other, { properties }), source), GuestRefused)
  })
})

test('a rescue that fails leaves the guest off, with its own disk alone', async () => {
  await withGuest(async ({ driver, guest, files, printed }) => {
    const lying = imageOf(other, { diskFormat: 'qcow2' })
    await assert.rejects(driver.rescue(guest, lying, source))
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.shutdown)
    assert.deepEqual(
      (await files()).filter((name) => name.includes('rescue')),
      [],
    )
    await driver.rescue(guest, imageOf(other), source)
    await printed(BOOT_TEXT + RESCUE_TEXT)
    await driver.reboot(guest, 'hard')
    await printed(`${BOOT_TEXT}${RESCUE_TEXT}${BOOT_TEXT}`)
  })
})
