/** What every virt driver must do whose guests get volumes and interfaces while they are there. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Vif } from '#model/network/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { canAttachInterface, canAttachVolume, type GuestVolume, type VirtDriver } from '#virt/port.ts'
import { bootDisk } from '../boot-disk.ts'
import { guestOf, imageOf, sourceOf, withDriver } from './virt-driver.ts'

const VOLUME_BYTES = 1024 * 1024

/** A volume as the stand-in for Cinder has them: a file of the host. `start` is what its owner wrote first. */
export async function volumeFile(dir: string, start: string | Buffer = ''): Promise<GuestVolume> {
  const volumeId = randomUUID()
  const file = join(dir, `volume-${volumeId}`)
  const bytes = Buffer.alloc(VOLUME_BYTES)
  bytes.set(Buffer.from(start))
  await writeFile(file, bytes)
  return {
    volumeId,
    deviceName: '/dev/vdb',
    tag: null,
    connection: { driverVolumeType: 'local', data: { device_path: file, format: 'raw', access_mode: 'rw' } },
  }
}

/** A port without a network of the host's. */
export const userVif = (change: Partial<Vif> = {}): Vif => ({
  id: randomUUID(),
  macAddress: 'fa:16:3e:00:00:21',
  network: { id: 'n', label: 'private', mtu: 1450 },
  fixedIps: [],
  type: 'user',
  vnicType: 'normal',
  devname: 'tap7d2e0b4a-21',
  details: {},
  active: true,
  preexisting: false,
  tag: null,
  ...change,
})

export async function withFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'kn-volumes-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Defines the tests. The guests have a bus whose disks leave without their help: a boot sector gives none. */
export function virtDevicesContract(name: string, make: (stateDir: string) => VirtDriver): void {
  const disk = bootDisk()
  const image = imageOf(disk, { properties: { hw_disk_bus: 'scsi' } })
  const { running } = POWER_STATES

  test(`${name}: a volume comes and goes, twice each, whether the guest runs or not, and is there after a start`, () =>
    withFolder((dir) =>
      withDriver(make, async ({ driver, restart }) => {
        assert.ok(canAttachVolume(driver))
        const guest = guestOf(image)
        const [first, second] = [await volumeFile(dir), await volumeFile(dir)]
        await driver.spawn(guest, sourceOf(disk))
        for (const volume of [first, first, second]) await driver.attachVolume(guest.uuid, volume)
        const again = await restart()
        assert.ok(canAttachVolume(again))
        await again.reboot(guest, 'hard')
        // Who lets go of a volume need not know any more how it was reached.
        for (let time = 0; time < 2; time += 1)
          await again.detachVolume(guest.uuid, { ...first, connection: null })
        await again.powerOff(guest.uuid, 0)
        for (let time = 0; time < 2; time += 1) {
          await again.detachVolume(guest.uuid, { ...second, connection: null })
          await again.attachVolume(guest.uuid, first)
        }
        await again.powerOn(guest)
        assert.equal((await again.info(guest.uuid))?.powerState, running)
        await assert.rejects(again.attachVolume(randomUUID(), second))
      }),
    ))

  test(`${name}: an interface comes, twice, whether the guest runs or not`, () =>
    withDriver(make, async ({ driver }) => {
      assert.ok(canAttachInterface(driver))
      const [first, second] = [userVif(), userVif({ macAddress: 'fa:16:3e:00:00:22' })]
      const guest = guestOf(image, { vifs: [first] })
      await driver.spawn(guest, sourceOf(disk))
      const both = { ...guest, vifs: [first, second] }
      for (let time = 0; time < 2; time += 1) await driver.attachInterface(both, second)
      await driver.powerOff(guest.uuid, 0)
      for (let time = 0; time < 2; time += 1) await driver.detachInterface(both, second)
      await driver.attachInterface(both, second)
      await driver.powerOn(both)
      assert.equal((await driver.info(guest.uuid))?.powerState, running)
    }))
}
