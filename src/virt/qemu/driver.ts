/** The QEMU driver: the port's verbs over QMP, without libvirt. One thing at a time per guest; a destroy ends what runs. */
import { availableParallelism, arch, cpus, totalmem, uptime } from 'node:os'
import { statfs } from 'node:fs/promises'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type {
  CanStopAll,
  GuestEvent,
  GuestInfo,
  HasConsoleOutput,
  HasSerial,
  HasVnc,
  HostResources,
  VirtDriver,
} from '#virt/port.ts'
import { adoptRunning } from './adopt.ts'
import { readConsoleLog, trimConsoleLog } from './console-log.ts'
import { createGuestStore } from './guest-store.ts'
import { findRunning, type Host, type QemuOptions } from './host.ts'
import { hostAbilities } from './host-probe.ts'
import { createImageCache } from './images.ts'
import { powerOn, reboot } from './power.ts'
import { spawnGuest } from './spawn.ts'
import { stopGuest } from './stop-guest.ts'
import { createTaps, tapNames } from './taps.ts'
import { createTools, SYSTEM_PATH } from './tools.ts'

export type QemuDriver = VirtDriver & HasConsoleOutput & HasVnc & HasSerial & CanStopAll

const DEFAULTS = {
  qemuBinary: 'qemu-system-x86_64',
  searchPath: SYSTEM_PATH,
  virtType: 'auto',
  machineType: 'pc',
  tbSizeMb: 32,
  softRebootTimeoutMs: 120_000,
  consoleLogLimitBytes: 1024 * 1024,
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
    images: createImageCache(store.baseDir, tools, options.log),
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
  let trimming: Promise<void> = Promise.resolve()

  const trimLogs = async () => {
    while (!stopping.signal.aborted) {
      for (const uuid of host.running.keys())
        await trimConsoleLog(store.paths(uuid).consoleLog, options.consoleLogLimitBytes)
      await clock.sleep(TRIM_INTERVAL_MS, stopping.signal).catch(() => undefined)
    }
  }
  const info = async (uuid: string): Promise<GuestInfo | undefined> => {
    const running = await findRunning(host, uuid)
    if (running) return { uuid, powerState: running.powerState() }
    const record = await store.find(uuid)
    return record && { uuid, powerState: POWER_STATES.shutdown }
  }
  const runningOnly = async (uuid: string) => {
    if (!(await findRunning(host, uuid))) throw new Error(`Guest ${uuid} is not running`)
    return store.paths(uuid)
  }

  return {
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
      stopping.abort()
      await host.images.close()
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
    spawn: (guest, images) => locks.run(guest.uuid, (signal) => spawnGuest(host, guest, images, signal)),
    powerOn: (guest) => locks.run(guest.uuid, (signal) => powerOn(host, guest, signal)),
    powerOff: (uuid, timeoutMs) => locks.run(uuid, (signal) => stopGuest(host, uuid, timeoutMs, signal)),
    reboot(guest, type) {
      const work = (signal: AbortSignal) => reboot(host, guest, type, signal)
      if (type === 'soft') return locks.run(guest.uuid, work)
      return locks.preempt(guest.uuid, new Error('The guest is rebooted by force'), work)
    },
    destroy: (uuid, vifs) =>
      locks.preempt(uuid, new Error('The guest is being removed'), async (signal) => {
        await stopGuest(host, uuid, 0, signal)
        const record = await store.find(uuid)
        await host.taps.unplug([...new Set([...(record?.taps ?? []), ...tapNames(vifs)])])
        await store.remove(uuid)
      }),
    async stopAll(timeoutMs) {
      const uuids = [...host.running.keys()]
      await Promise.all(
        uuids.map((uuid) => locks.run(uuid, (signal) => stopGuest(host, uuid, timeoutMs, signal))),
      )
      return uuids
    },
    consoleOutput: (uuid, maxBytes) => readConsoleLog(store.paths(uuid).consoleLog, maxBytes),
    vncAddress: async (uuid) => ({ unixPath: (await runningOnly(uuid)).vncSocket }),
    serialAddress: async (uuid) => ({ unixPath: (await runningOnly(uuid)).serialSocket }),
  }
}
