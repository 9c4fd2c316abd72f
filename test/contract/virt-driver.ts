/** What every virt driver must do. A new one calls `virtDriverContract` with a way to make it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import {
  canDumpCrash,
  type CanRescue,
  canPause,
  canRescue,
  canSnapshot,
  canSuspend,
  type GuestDefinition,
  hasConsoleOutput,
  hasDiagnostics,
  hasVnc,
  type ImageSource,
  type VirtDriver,
} from '#virt/port.ts'
import { bootDisk } from '../boot-disk.ts'
import { eventually } from '../eventually.ts'

export const flavor: Flavor = {
  id: 1,
  flavorId: '1',
  name: 'boot-sector',
  vcpus: 1,
  memoryMb: 32,
  rootGb: 1,
  ephemeralGb: 0,
  swapMb: 0,
  rxtxFactor: 1,
  isPublic: true,
  disabled: false,
  description: null,
  extraSpecs: {},
}

export function imageOf(bytes: Buffer, change: Partial<Image> = {}): Image {
  return {
    id: randomUUID(),
    name: 'test',
    status: 'active',
    visibility: 'public',
    owner: null,
    diskFormat: 'raw',
    containerFormat: 'bare',
    size: bytes.length,
    virtualSize: null,
    minDiskGb: 0,
    minRamMb: 0,
    checksum: null,
    osHashAlgo: null,
    osHashValue: null,
    properties: {},
    ...change,
  }
}

export const sourceOf = (bytes: Buffer): ImageSource => ({ open: async () => Readable.from([bytes]) })

export function guestOf(image: Image, change: Partial<GuestDefinition> = {}): GuestDefinition {
  return {
    uuid: randomUUID(),
    name: 'instance-00000001',
    flavor,
    image,
    vifs: [],
    configDrive: null,
    ...change,
  }
}

export interface DriverUnderTest {
  readonly driver: VirtDriver
  readonly stateDir: string
  /** Lets go of the driver and makes another on the same state. */
  restart(): Promise<VirtDriver>
}

/** A started driver on a folder of its own; afterwards its guests are destroyed and the folder removed. */
export async function withDriver(
  make: (stateDir: string) => VirtDriver,
  body: (under: DriverUnderTest) => Promise<void>,
): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'kn-virt-'))
  let driver = make(stateDir)
  await driver.start()
  const restart = async () => {
    await driver.close()
    driver = make(stateDir)
    await driver.start()
    return driver
  }
  try {
    await body({ driver, stateDir, restart })
  } finally {
    for (const { uuid } of await driver.list()) await driver.destroy(uuid, [])
    await driver.close()
    await rm(stateDir, { recursive: true, force: true })
  }
}

const { running, shutdown } = POWER_STATES

/** Defines the tests. `make` gives a driver that keeps its state in the folder; `failing` is a guest that it cannot start. */
export function virtDriverContract(
  name: string,
  make: (stateDir: string) => VirtDriver,
  given: { readonly failing: () => GuestDefinition },
): void {
  const disk = bootDisk()
  const image = imageOf(disk)
  const source = sourceOf(disk)
  const driverTest = (what: string, body: (under: DriverUnderTest) => Promise<void>) => {
    test(`${name}: ${what}`, () => withDriver(make, body))
  }

  driverTest('says what the host has', async ({ driver }) => {
    const { vcpus, memoryMb, diskGb, supportedInstances } = await driver.resources()
    assert.ok(vcpus >= 1 && memoryMb > 100 && diskGb >= 1)
    assert.ok(supportedInstances.length > 0)
    assert.deepEqual(await driver.list(), [])
  })

  driverTest('a guest lives through start, stop, reboot and destroy, each done twice', async ({ driver }) => {
    const guest = guestOf(image)
    const twice = async (work: () => Promise<void>, expected: number | undefined) => {
      await work()
      await work()
      assert.equal((await driver.info(guest.uuid))?.powerState, expected)
    }
    await twice(() => driver.spawn(guest, source), running)
    assert.deepEqual(await driver.list(), [{ uuid: guest.uuid, powerState: running }])
    await twice(() => driver.powerOff(guest.uuid, 0), shutdown)
    await twice(() => driver.powerOn(guest), running)
    await twice(() => driver.reboot(guest, 'hard'), running)
    await twice(() => driver.powerOff(guest.uuid, 0), shutdown)
    await driver.reboot(guest, 'soft')
    assert.equal((await driver.info(guest.uuid))?.powerState, running)
    await twice(() => driver.destroy(guest.uuid, guest.vifs), undefined)
    assert.deepEqual(await driver.list(), [])
  })

  driverTest('guests outlive the driver and are found again as they were', async ({ driver, restart }) => {
    const [on, off] = [guestOf(image, { madeBy: 'this' }), guestOf(image)]
    await driver.spawn(on, source)
    await driver.spawn(off, source)
    await driver.powerOff(off.uuid, 0)
    const again = await restart()
    assert.deepEqual(
      [(await again.info(on.uuid))?.madeBy, (await again.info(off.uuid))?.madeBy],
      ['this', undefined],
    )
    assert.equal((await again.info(on.uuid))?.powerState, running)
    assert.equal((await again.info(off.uuid))?.powerState, shutdown)
    await again.powerOff(on.uuid, 0)
    assert.deepEqual(await again.info(on.uuid), { uuid: on.uuid, powerState: shutdown, madeBy: 'this' })
  })

  driverTest('a spawn that fails leaves nothing, and fails with a message', async ({ driver }) => {
    const guest = given.failing()
    await assert.rejects(
      driver.spawn(guest, source),
      (error: Error) => /SpawnFailed|GuestRefused/.test(error.name) && error.message.length > 5,
    )
    assert.equal(await driver.info(guest.uuid), undefined)
    assert.deepEqual(await driver.list(), [])
  })

  driverTest('a destroy ends a spawn that is under way', async ({ driver }) => {
    const slow = guestOf({ ...image, id: randomUUID(), properties: { kilonova_sim_spawn_ms: '60000' } })
    const never: ImageSource = { open: () => new Promise(() => undefined) }
    const spawning = assert.rejects(driver.spawn(slow, never))
    await driver.destroy(slow.uuid, [])
    await spawning
    assert.equal(await driver.info(slow.uuid), undefined)
  })

  driverTest('nothing that was asked for is announced', async ({ driver }) => {
    const events: unknown[] = []
    driver.onEvent((event) => events.push(event))
    const guest = guestOf(image)
    await driver.spawn(guest, source)
    await driver.reboot(guest, 'hard')
    await driver.powerOff(guest.uuid, 0)
    await driver.destroy(guest.uuid, [])
    assert.deepEqual(events, [])
  })

  driverTest(
    'a guest that is paused, or suspended, stands still until it is told to go on',
    async ({ driver }) => {
      const guest = guestOf(image)
      const events: unknown[] = []
      driver.onEvent((event) => events.push(event))
      await driver.spawn(guest, source)
      const reaches = async (work: () => Promise<void>, powerState: number) => {
        await work()
        await work()
        assert.equal((await driver.info(guest.uuid))?.powerState, powerState)
      }
      if (canPause(driver)) {
        await reaches(() => driver.pause(guest.uuid), POWER_STATES.paused)
        await reaches(() => driver.unpause(guest.uuid), running)
        await assert.rejects(driver.pause(randomUUID()))
      }
      if (canSuspend(driver)) {
        await reaches(() => driver.suspend(guest.uuid), POWER_STATES.suspended)
        await reaches(() => driver.resume(guest), running)
      }
      assert.deepEqual(events, [])
    },
  )

  driverTest('a paused guest stays paused for another driver, and is destroyed like any', async (under) => {
    if (!canPause(under.driver)) return
    const guest = guestOf(image)
    await under.driver.spawn(guest, source)
    await under.driver.pause(guest.uuid)
    const again = await under.restart()
    await eventually(async () => (await again.info(guest.uuid))?.powerState === POWER_STATES.paused, {
      what: 'the guest found paused',
    })
    await again.destroy(guest.uuid, [])
    assert.equal(await again.info(guest.uuid), undefined)
  })

  driverTest(
    'a suspended guest is suspended for another driver, and goes on there or is gone',
    async (under) => {
      if (!canSuspend(under.driver)) return
      const [resumed, restarted, gone] = [guestOf(image), guestOf(image), guestOf(image)]
      for (const guest of [resumed, restarted, gone]) {
        await under.driver.spawn(guest, source)
        await under.driver.suspend(guest.uuid)
      }
      const again = await under.restart()
      assert.ok(canSuspend(again))
      const powerState = async ({ uuid }: GuestDefinition) => (await again.info(uuid))?.powerState
      assert.equal(await powerState(resumed), POWER_STATES.suspended)
      await again.resume(resumed)
      assert.equal(await powerState(resumed), running)
      await again.reboot(restarted, 'hard')
      assert.equal(await powerState(restarted), running)
      await again.powerOff(gone.uuid, 0)
      assert.equal(await powerState(gone), shutdown)
      await again.destroy(gone.uuid, [])
      assert.equal(await powerState(gone), undefined)
      await assert.rejects(again.suspend(gone.uuid))
    },
  )

  driverTest('a rescued guest runs from elsewhere until it is told to go back, each twice', async (under) => {
    if (!canRescue(under.driver)) return
    const guest = guestOf(image)
    const other = imageOf(disk)
    await under.driver.spawn(guest, source)
    let driver: VirtDriver & CanRescue = under.driver
    const runs = async () => assert.equal((await driver.info(guest.uuid))?.powerState, running)
    const restart = async () => {
      const again = await under.restart()
      assert.ok(canRescue(again))
      driver = again
    }
    for (const from of [other, null]) {
      await driver.rescue(guest, from, source)
      await driver.rescue(guest, from, source)
      await runs()
      await restart()
      await runs()
      await driver.unrescue(guest)
      await driver.unrescue(guest)
      await runs()
    }
    await driver.destroy(guest.uuid, [])
    assert.equal(await driver.info(guest.uuid), undefined)
  })

  driverTest(
    'a snapshot is the disk in a format of its own, running or not, and leaves no trace',
    async ({ driver }) => {
      if (!canSnapshot(driver)) return
      const guest = guestOf(image)
      await driver.spawn(guest, source)
      for (const prepare of [async () => {}, () => driver.powerOff(guest.uuid, 0)]) {
        await prepare()
        const before: number | undefined = (await driver.info(guest.uuid))?.powerState
        const taken = await driver.snapshot(guest.uuid)
        const bytes = await buffer(taken.bytes)
        await taken.discard()
        if (taken.diskFormat === 'qcow2') assert.equal(bytes.subarray(0, 3).toString(), 'QFI')
        assert.ok(bytes.length >= 512)
        assert.equal((await driver.info(guest.uuid))?.powerState, before)
      }
      await assert.rejects(driver.snapshot(randomUUID()))
    },
  )

  driverTest(
    'a running guest can be looked at and told to crash; an unknown one cannot',
    async ({ driver }) => {
      const guest = guestOf(image)
      await driver.spawn(guest, source)
      if (hasDiagnostics(driver)) {
        const { state, cpus, memoryMb, disks } = await driver.diagnostics(guest.uuid)
        assert.deepEqual([state, cpus.length, memoryMb], ['running', flavor.vcpus, flavor.memoryMb])
        assert.ok(disks.length > 0)
      }
      if (canDumpCrash(driver)) {
        await driver.triggerCrashDump(guest.uuid)
        await assert.rejects(driver.triggerCrashDump(randomUUID()))
      }
    },
  )

  driverTest('the console log is there, and no longer than asked', async ({ driver }) => {
    assert.ok(hasConsoleOutput(driver))
    const guest = guestOf(image)
    await driver.spawn(guest, source)
    await eventually(async () => (await driver.consoleOutput(guest.uuid, 65_536)).length > 10, {
      what: 'console output',
    })
    assert.equal((await driver.consoleOutput(guest.uuid, 5)).length, 5)
  })

  driverTest('a running guest has a screen, an unknown one has none', async ({ driver }) => {
    assert.ok(hasVnc(driver))
    const guest = guestOf(image)
    await driver.spawn(guest, source)
    const address = await driver.vncAddress(guest.uuid)
    assert.ok('unixPath' in address ? address.unixPath.startsWith('/') : address.port > 0)
    await assert.rejects(driver.vncAddress(randomUUID()))
  })
}
