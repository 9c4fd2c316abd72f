/** The QEMU driver: the port's verbs over QMP, without libvirt. One thing at a time per guest; a destroy ends what runs. */
import { availableParallelism, arch, cpus, totalmem, uptime } from 'node:os'
import { statfs } from 'node:fs/promises'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { SpawnFailed } from '#virt/port.ts'
import type {
  CanAgeImages,
  CanCacheImages,
  CanStopAll,
  GuestEvent,
  GuestInfo,
  HasConsoleOutput,
  HasSerial,
  HasVnc,
  HostResources,
  VirtDriver,
} from '#virt/port.ts'
import { type Abilities, abilitiesOf } from './abilities.ts'
import { adoptRunning } from './adopt.ts'
import { readConsoleLog, trimConsoleLog } from './console-log.ts'
import { type DeviceAbilities, deviceAbilitiesOf } from './devices.ts'
import { createGuestStore } from './guest-store.ts'
import { findRunning, type Host, type QemuOptions } from './host.ts'
import { hostAbilities } from './host-probe.ts'
import { createImageCache } from './images.ts'
import { powerOn, reboot } from './power.ts'
import { spawnGuest } from './spawn.ts'
import { destroyGuest, stopGuest } from './stop-guest.ts'
import { createTaps } from './taps.ts'
import { createTools, SYSTEM_PATH } from './tools.ts'

export type QemuDriver = VirtDriver &
  HasConsoleOutput &
  HasVnc &
  HasSerial &
  CanStopAll &
  CanCacheImages &
  CanAgeImages &
  DeviceAbilities &
  Abilities

const DEFAULTS = {
  qemuBinary: 'qemu-system-x86_64',
  searchPath: SYSTEM_PATH,
  virtType: 'auto',
  machineType: 'pc',
  tbSizeMb: 32,
  softRebootTimeoutMs: 120_000,
  consoleLogLimitBytes: 1024 * 1024,
  detachAttempts: 8,
  detachTimeoutMs: 14_000,
} as const

const TRIM_INTERVAL_MS = 2_000
const GIB = 1024 ** 3
const MIB = 1024 ** 2

/** What the driver's disks, interfaces and screens can be, in Placement's words. */
const TRAITS = [
  'COMPUTE_IMAGE_TYPE_RAW',
  'COMPUTE_IMAGE_TYPE_QCOW2',
  'COMPUTE_IMAGE_TYPE_VMDK',
  'COMPUTE_IMAGE_TYPE_AMI',
  'COMPUTE_STORAGE_BUS_VIRTIO',
  'COMPUTE_STORAGE_BUS_SCSI',
  'COMPUTE_STORAGE_BUS_IDE',
  'COMPUTE_NET_VIF_MODEL_VIRTIO',
  'COMPUTE_NET_VIF_MODEL_E1000',
  'COMPUTE_NET_VIF_MODEL_E1000E',
  'COMPUTE_NET_VIF_MODEL_RTL8139',
  'COMPUTE_GRAPHICS_MODEL_VGA',
  'COMPUTE_FIRMWARE_BIOS',
  'COMPUTE_ARCH_X86_64',
  'HW_ARCH_X86_64',
] as const

function createHost(given: QemuOptions, announce: Host['announce']): Host {
  const options = { ...DEFAULTS, ...given }
  const tools = createTools(options.searchPath)
  const store = createGuestStore(options.stateDir)
  let abilities: ReturnType<Host['abilities']> | undefined
  return {
    options,
    clock: options.clock,
    log: options.log,
    store,
    tools,
    taps: createTaps(tools),
    images: createImageCache({ ...options, ...store, tools }),
    running: new Map(),
    announce,
    async abilities() {
      abilities ??= hostAbilities(options.stateDir, options.qemuBinary, tools, options.log)
      try {
        return await abilities
      } catch (error) {
        // QEMU may be installed while we run.
        abilities = undefined
        throw error
      }
    },
  }
}

/** `7.2.22` as 7002022, as libvirt numbers versions. */
const versionNumber = (version: string): number =>
  version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)

async function resourcesOf(host: Host): Promise<HostResources> {
  const disk = await statfs(host.store.instancesDir)
  const [cpu] = cpus()
  const { version, kvm } = await host.abilities().catch(() => ({ version: '0.0.0', kvm: false }))
  const constrained = process.constrainedMemory()
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  const machine = arch() === 'x64' ? 'x86_64' : arch()
  return {
    vcpus: availableParallelism(),
    memoryMb: Math.floor(memory / MIB),
    diskGb: Math.floor((disk.blocks * disk.bsize) / GIB),
    diskFreeGb: Math.floor((disk.bavail * disk.bsize) / GIB),
    hypervisorType: 'QEMU',
    hypervisorVersion: versionNumber(version),
    cpuInfo: {
      arch: machine,
      model: cpu?.model ?? 'unknown',
      vendor: 'unknown',
      topology: { cells: 1, sockets: 1, cores: availableParallelism(), threads: 1 },
      features: [],
    },
    supportedInstances: [['x86_64', 'qemu', 'hvm'], ...(kvm ? ([['x86_64', 'kvm', 'hvm']] as const) : [])],
    uptimeSeconds: Math.floor(uptime()),
  }
}

/** Guests on this host, in QEMU processes that outlive the driver. Without QEMU, `spawn` says so. */
export function createQemuDriver(given: QemuOptions): QemuDriver {
  const listeners: ((event: GuestEvent) => void)[] = []
  const host = createHost(given, (uuid, powerState) => {
    for (const listener of listeners) listener({ kind: 'power', uuid, powerState })
  })
  const { store, log, clock, options } = host
  const locks = createKeyedLock()
  const stopping = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  let trimming: Promise<void> = Promise.resolve()

  /** One thing at a time per guest, given up when the driver closes. */
  const exclusively = <T>(
    uuid: string,
    work: (signal: AbortSignal) => Promise<T>,
    preempts?: string,
  ): Promise<T> => {
    const guarded = (signal: AbortSignal) => work(AbortSignal.any([signal, stopping.signal]))
    const running =
      preempts === undefined ? locks.run(uuid, guarded) : locks.preempt(uuid, new Error(preempts), guarded)
    const settled = running.then(
      () => undefined,
      () => undefined,
    )
    underWay.add(settled)
    void settled.then(() => underWay.delete(settled))
    return running
  }

  const trimLogs = async () => {
    while (!stopping.signal.aborted) {
      for (const uuid of host.running.keys()) {
        const { consoleLog, qemuLog } = store.paths(uuid)
        for (const path of [consoleLog, qemuLog]) await trimConsoleLog(path, options.consoleLogLimitBytes)
      }
      await clock.sleep(TRIM_INTERVAL_MS, stopping.signal).catch(() => undefined)
    }
  }
  const info = async (uuid: string): Promise<GuestInfo | undefined> => {
    const running = await findRunning(host, uuid)
    const record = await store.find(uuid)
    if (!running && !record) return undefined
    const madeBy = record?.madeBy
    return {
      uuid,
      powerState:
        running?.powerState() ?? (record?.suspended ? POWER_STATES.suspended : POWER_STATES.shutdown),
      ...(madeBy !== undefined && { madeBy }),
    }
  }
  const runningOnly = async (uuid: string) => {
    if (!(await findRunning(host, uuid))) throw new Error(`Guest ${uuid} is not running`)
    return store.paths(uuid)
  }

  return {
    ...abilitiesOf(host, exclusively),
    ...deviceAbilitiesOf(host, exclusively),
    name: 'qemu',
    async start() {
      await store.open()
      await host.images.open()
      await adoptRunning(host)
      trimming = trimLogs().catch((error: unknown) =>
        log.error({ err: error }, 'console logs are no longer kept within bounds'),
      )
    },
    async close() {
      stopping.abort(new SpawnFailed('The compute service stops'))
      await host.images.close()
      await Promise.all(underWay)
      await Promise.all([...host.running.values()].map((guest) => guest.release()))
      await trimming
    },
    onEvent: (listener) => void listeners.push(listener),
    resources: () => resourcesOf(host),
    traits: async () => TRAITS,
    async list() {
      const found = await Promise.all((await store.list()).map(info))
      return found.filter((guest) => guest !== undefined)
    },
    info,
    cacheImage: async (image, images) => {
      await host.images.fetch(image, images, new AbortController().signal)
    },
    ageImages: (ages) => host.images.age(ages),
    spawn: (guest, images) => exclusively(guest.uuid, (signal) => spawnGuest(host, guest, images, signal)),
    powerOn: (guest) => exclusively(guest.uuid, (signal) => powerOn(host, guest, signal)),
    powerOff: (uuid, timeoutMs) => exclusively(uuid, (signal) => stopGuest(host, uuid, timeoutMs, signal)),
    reboot: (guest, type) =>
      exclusively(
        guest.uuid,
        (signal) => reboot(host, guest, type, signal),
        type === 'hard' ? 'The guest is rebooted by force' : undefined,
      ),
    destroy: (uuid, vifs) =>
      exclusively(uuid, (signal) => destroyGuest(host, uuid, vifs, signal), 'The guest is being removed'),
    async stopAll(timeoutMs) {
      const uuids = [...host.running.keys()]
      // At once means not after what is under way, such as another, more patient stop.
      const preempts = timeoutMs === 0 ? 'All guests are switched off' : undefined
      const stops = uuids.map((uuid) =>
        exclusively(uuid, (signal) => stopGuest(host, uuid, timeoutMs, signal), preempts),
      )
      await Promise.all(stops)
      return uuids
    },
    consoleOutput: (uuid, maxBytes) => readConsoleLog(store.paths(uuid).consoleLog, maxBytes),
    vncAddress: async (uuid) => ({ unixPath: (await runningOnly(uuid)).vncSocket }),
    serialAddress: async (uuid) => ({ unixPath: (await runningOnly(uuid)).serialSocket }),
  }
}
