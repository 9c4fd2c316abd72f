import assert from 'node:assert/strict'
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { bootDisk } from '../../../test/boot-disk.ts'
import { guestOf, imageOf, sourceOf, withDriver } from '../../../test/contract/virt-driver.ts'
import { userVif, virtDevicesContract, volumeFile, withFolder } from '../../../test/contract/virt-devices.ts'
import { createQemuDriver, type QemuDriver, type QemuOptions } from './index.ts'

const disk = bootDisk()
const source = sourceOf(disk)
/** Its disks leave without the guest's help, of which a boot sector gives none. */
const scsi = imageOf(disk, { properties: { hw_disk_bus: 'scsi' } })

const make =
  (change: Partial<QemuOptions> = {}) =>
  (stateDir: string) =>
    createQemuDriver({ stateDir, clock: systemClock, log: silentLog, virtType: 'qemu', ...change })

virtDevicesContract('qemu', make())

interface Bench {
  readonly driver: QemuDriver
  readonly stateDir: string
  /** For volumes. */
  readonly dir: string
  restart(): Promise<QemuDriver>
}

const withBench = (body: (bench: Bench) => Promise<void>, change: Partial<QemuOptions> = {}) =>
  withFolder((dir) =>
    withDriver(make(change), ({ driver, stateDir, restart }) =>
      body({
        driver: driver as QemuDriver,
        stateDir,
        dir,
        restart: async () => (await restart()) as QemuDriver,
      }),
    ),
  )

const diskCount = async (driver: QemuDriver, uuid: string): Promise<number> =>
  (await driver.diagnostics(uuid)).disks.length

/** The files that a guest's QEMU has open, below `dir`. */
async function openFiles(stateDir: string, uuid: string, dir: string): Promise<readonly string[]> {
  const pid = (await readFile(join(stateDir, 'instances', uuid, 'qemu.pid'), 'utf8')).trim()
  const fds = await readdir(`/proc/${pid}/fd`)
  const paths = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(`${dir}/`)).toSorted()
}

const detached = (volume: Awaited<ReturnType<typeof volumeFile>>) => ({ ...volume, connection: null })

test('a running guest has exactly the volumes that it was given, and another driver knows them', async () => {
  await withBench(async ({ driver, restart, stateDir, dir }) => {
    const guest = guestOf(scsi)
    const [first, second] = [await volumeFile(dir), await volumeFile(dir)]
    await driver.spawn(guest, source)
    for (const volume of [first, first, second]) await driver.attachVolume(guest.uuid, volume)
    assert.equal(await diskCount(driver, guest.uuid), 3)
    const again = await restart()
    await again.detachVolume(guest.uuid, detached(first))
    assert.equal(await diskCount(again, guest.uuid), 2)
    const left = [String(second.connection?.data['device_path'])]
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), left)
    await again.reboot(guest, 'hard')
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), left)
    await again.attachVolume(guest.uuid, first)
    assert.equal(await diskCount(again, guest.uuid), 3)
  })
})

test('a guest that keeps a device keeps its volume, until it is off; a destroy does not wait for it', async () => {
  await withBench(
    async ({ driver, stateDir, dir }) => {
      const guest = guestOf(imageOf(disk))
      const volume = await volumeFile(dir)
      await driver.spawn(guest, source)
      await driver.attachVolume(guest.uuid, volume)
      await assert.rejects(driver.detachVolume(guest.uuid, detached(volume)), /does not let go of its device/)
      assert.equal((await openFiles(stateDir, guest.uuid, dir)).length, 1)
      await driver.powerOff(guest.uuid, 0)
      await driver.detachVolume(guest.uuid, detached(volume))
      await driver.powerOn(guest)
      assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), [])
    },
    { detachAttempts: 2, detachTimeoutMs: 30 },
  )
  await withBench(async ({ driver, dir }) => {
    const guest = guestOf(imageOf(disk))
    const volume = await volumeFile(dir)
    await driver.spawn(guest, source)
    await driver.attachVolume(guest.uuid, volume)
    const waiting = assert.rejects(driver.detachVolume(guest.uuid, detached(volume)), /being removed/)
    await driver.destroy(guest.uuid, [])
    await waiting
  })
})

/** What a tenant writes into his volume to be given a file of the host. */
function qcow2Header(backing: string): Buffer {
  const header = Buffer.alloc(512)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(2, 4)
  header.writeBigUInt64BE(72n, 8)
  header.writeUInt32BE(backing.length, 16)
  header.writeUInt32BE(16, 20)
  header.writeBigUInt64BE(1024n * 1024n, 24)
  header.write(backing, 72)
  return header
}

test("a volume is raw, whatever is written in it: none of the host's files is opened for it", async () => {
  await withBench(async ({ driver, stateDir, dir }) => {
    const secret = await volumeFile(dir, 'not for guests')
    const file = String(secret.connection?.data['device_path'])
    const volume = await volumeFile(dir, qcow2Header(file))
    const guest = guestOf(scsi)
    await driver.spawn(guest, source)
    await driver.attachVolume(guest.uuid, volume)
    const opened = [String(volume.connection?.data['device_path'])]
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), opened)
    await driver.reboot(guest, 'hard')
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), opened)
    const other = { driverVolumeType: 'local', data: { device_path: file, format: 'qcow2' } }
    await assert.rejects(driver.attachVolume(guest.uuid, { ...secret, connection: other }), /format is qcow2/)
    const far = { driverVolumeType: 'iscsi', data: {} }
    await assert.rejects(driver.attachVolume(guest.uuid, { ...secret, connection: far }), /it is a iscsi one/)
  })
})

test("a volume that cannot be opened is not the guest's, now or at its next start", async () => {
  await withBench(async ({ driver, dir }) => {
    const volume = await volumeFile(dir)
    await rm(String(volume.connection?.data['device_path']))
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    await assert.rejects(driver.attachVolume(guest.uuid, volume), /could not be plugged in/)
    await driver.reboot(guest, 'hard')
    assert.equal(await diskCount(driver, guest.uuid), 1)
  })
})

test('a guest that was made before volumes came and went gives up those that it was made with', async () => {
  await withBench(async ({ driver, stateDir, dir }) => {
    const volume = await volumeFile(dir)
    const guest = guestOf(scsi, { volumes: [{ ...volume, bootIndex: null }] })
    await driver.spawn(guest, source)
    const file = join(stateDir, 'instances', guest.uuid, 'guest.json')
    const record = JSON.parse(await readFile(file, 'utf8')) as { disks: { volumeId?: string }[] }
    const disks = record.disks.map(({ volumeId: _unknown, ...each }) => each)
    await writeFile(file, JSON.stringify({ ...record, disks }))
    await driver.detachVolume(guest.uuid, detached(volume))
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), [])
  })
})

test('q35 has ports for what comes, says when they are taken, and has new ones after a start', async () => {
  await withBench(async ({ driver, dir }) => {
    const vifs = [userVif(), userVif({ macAddress: 'fa:16:3e:00:00:22' })] as const
    const guest = guestOf(imageOf(disk, { properties: { hw_machine_type: 'q35' } }), { vifs: [vifs[0]] })
    await driver.spawn(guest, source)
    await driver.attachInterface({ ...guest, vifs }, vifs[1])
    for (let count = 0; count < 3; count += 1) await driver.attachVolume(guest.uuid, await volumeFile(dir))
    const one = await volumeFile(dir)
    await assert.rejects(driver.attachVolume(guest.uuid, one), /ports of the guest are taken/)
    assert.equal(await diskCount(driver, guest.uuid), 4)
    await driver.reboot({ ...guest, vifs }, 'hard')
    await driver.attachVolume(guest.uuid, one)
    assert.equal(await diskCount(driver, guest.uuid), 5)
    assert.equal((await driver.info(guest.uuid))?.powerState, POWER_STATES.running)
  })
})

test('what a bus has no room for is refused before anything is done', async () => {
  await withBench(async ({ driver, dir }) => {
    const guest = guestOf(imageOf(disk, { properties: { hw_disk_bus: 'ide' } }))
    await driver.spawn(guest, source)
    const volume = await volumeFile(dir)
    await assert.rejects(driver.attachVolume(guest.uuid, volume), /cannot come while the guest runs/)
    await driver.powerOff(guest.uuid, 0)
    for (const each of [volume, await volumeFile(dir), await volumeFile(dir)])
      await driver.attachVolume(guest.uuid, each)
    await assert.rejects(driver.attachVolume(guest.uuid, await volumeFile(dir)), /has room for 4 disks/)
    await driver.powerOn(guest)
    assert.equal(await diskCount(driver, guest.uuid), 4)
  })
})

test('the devices of a suspended guest stay as they are: its memory fits no others', async () => {
  await withBench(async ({ driver, stateDir, dir }) => {
    const [own, other] = [await volumeFile(dir), await volumeFile(dir)]
    const guest = guestOf(imageOf(disk))
    await driver.spawn(guest, source)
    await driver.attachVolume(guest.uuid, own)
    await driver.reboot(guest, 'hard')
    await driver.suspend(guest.uuid)
    const refused = /guest that is suspended stay as they are/
    await assert.rejects(driver.attachVolume(guest.uuid, other), refused)
    await assert.rejects(driver.detachVolume(guest.uuid, detached(own)), refused)
    await assert.rejects(driver.attachInterface({ ...guest, vifs: [userVif()] }, userVif()), refused)
    // What it has not goes as it always does.
    await driver.detachVolume(guest.uuid, detached(other))
    await driver.resume(guest)
    assert.deepEqual(await openFiles(stateDir, guest.uuid, dir), [
      String(own.connection?.data['device_path']),
    ])
  })
})
