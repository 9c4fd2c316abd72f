/**
 * The simulated driver: guests in memory that take their misbehaviour from the request (the table is in
 * misbehaviour.ts). With a state file its guests outlive the process, as real ones do.
 */
import type { Clock } from '#lib/clock.ts'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import { POWER_STATES, type PowerState } from '#model/instance/index.ts'
import { GuestRefused, SpawnFailed } from '#virt/port.ts'
import type {
  GuestDefinition,
  GuestEvent,
  GuestInfo,
  HasConsoleOutput,
  HasVnc,
  VirtDriver,
} from '#virt/port.ts'
import { type Abilities, abilitiesOf } from './abilities.ts'
import { type Journal, openJournal, type SimulatedGuest } from './journal.ts'
import { createFailureCounter, type FailureCounter, misbehaviourOf, type Verb } from './misbehaviour.ts'

export interface SimulatedOptions {
  readonly clock: Clock
  readonly vcpus?: number
  readonly memoryMb?: number
  readonly diskGb?: number
  /** Where guests are remembered; without it they go with the process. */
  readonly stateFile?: string
  /** Where guests are remembered in place of a file. */
  readonly journal?: Journal
  /** Shared by the hosts of one cloud. */
  readonly failures?: FailureCounter
}

export type SimulatedDriver = VirtDriver & HasConsoleOutput & HasVnc & Abilities

const SIZES = { vcpus: 64, memoryMb: 262_144, diskGb: 10_000 } as const
/** An imagined guest has no screen: its address is one at which nothing can ever listen. */
const NO_SCREENS = '/proc/self/no-screens'

const consoleText = ({ name }: SimulatedGuest): string =>
  `[    0.000000] Simulated guest ${name}\n[    0.100000] ${name}: everything a guest needs, imagined\n\n${name} login: `

export function createSimulatedDriver(options: SimulatedOptions): SimulatedDriver {
  const { clock, failures = createFailureCounter() } = options
  const madeAt = clock.now()
  const journal =
    options.journal ?? (options.stateFile === undefined ? undefined : openJournal(options.stateFile))
  const guests = new Map<string, SimulatedGuest>()
  const listeners: ((event: GuestEvent) => void)[] = []
  const timers = new Map<string, AbortController>()
  const locks = createKeyedLock()

  const put = (guest: SimulatedGuest) => {
    guests.set(guest.uuid, guest)
    journal?.write({ guest })
  }
  /** Takes the time the request asks for, and fails if it asks for that. */
  const act = async (
    verb: Verb,
    guest: Pick<GuestDefinition, 'uuid' | 'flavor' | 'image'>,
    signal: AbortSignal,
  ) => {
    const { delayMs, fails, failTimes, isRefusal } = misbehaviourOf(guest)
    const delay = delayMs[verb] ?? 0
    if (delay > 0) await clock.sleep(delay, signal)
    if (!fails.includes(verb) || !failures.take(guest.uuid, verb, failTimes)) return
    const message = `Simulated failure of ${verb}`
    throw verb === 'spawn' && isRefusal ? new GuestRefused(message) : new SpawnFailed(message)
  }
  const stopTimer = (uuid: string) => {
    timers.get(uuid)?.abort()
    timers.delete(uuid)
  }
  const setPower = (uuid: string, powerState: PowerState) => {
    const guest = present(uuid)
    stopTimer(uuid)
    put({ ...guest, powerState })
    if (powerState === POWER_STATES.running) armPowerOff(guest)
  }
  const armPowerOff = (guest: SimulatedGuest) => {
    const { powerOffMs } = misbehaviourOf(guest)
    if (powerOffMs === null) return
    const timer = new AbortController()
    timers.set(guest.uuid, timer)
    const powerOff = () => {
      setPower(guest.uuid, POWER_STATES.shutdown)
      for (const listener of listeners)
        listener({ kind: 'power', uuid: guest.uuid, powerState: POWER_STATES.shutdown })
    }
    clock.sleep(powerOffMs, timer.signal).then(powerOff, () => undefined)
  }
  const start = (uuid: string) => setPower(uuid, POWER_STATES.running)
  const stop = async (uuid: string, timeoutMs: number, signal: AbortSignal) => {
    const guest = guests.get(uuid)
    if (!guest || guest.powerState === POWER_STATES.shutdown) return
    await act('stop', guest, signal)
    if (misbehaviourOf(guest).ignoresAcpi && timeoutMs > 0) await clock.sleep(timeoutMs, signal)
    setPower(uuid, POWER_STATES.shutdown)
  }
  const present = (uuid: string): SimulatedGuest => {
    const guest = guests.get(uuid)
    if (!guest) throw new Error(`Guest ${uuid} is not on this host`)
    return guest
  }
  // A simulated guest has no disk to lose: one forgotten with its process is simply there again.
  const remember = ({ uuid, name, flavor, image }: GuestDefinition) => {
    if (!guests.has(uuid)) put({ uuid, name, flavor, image, powerState: POWER_STATES.shutdown })
  }
  const infoOf = ({ uuid, powerState, madeBy }: SimulatedGuest): GuestInfo => ({
    uuid,
    powerState,
    ...(madeBy !== undefined && { madeBy }),
  })

  return {
    ...abilitiesOf({ exclusively: locks.run, present, act, setPower, stop, remember }),
    name: 'simulated',
    async start() {
      for (const guest of journal?.load() ?? []) {
        guests.set(guest.uuid, guest)
        if (guest.powerState === POWER_STATES.running) armPowerOff(guest)
      }
    },
    async close() {
      for (const uuid of timers.keys()) stopTimer(uuid)
      journal?.close()
    },
    onEvent: (listener) => void listeners.push(listener),
    resources: async () => ({
      ...SIZES,
      ...(options.vcpus !== undefined && { vcpus: options.vcpus }),
      ...(options.memoryMb !== undefined && { memoryMb: options.memoryMb }),
      ...(options.diskGb !== undefined && { diskGb: options.diskGb }),
      hypervisorType: 'simulated',
      hypervisorVersion: 1_000_000,
      cpuInfo: {
        arch: 'x86_64',
        model: 'simulated',
        vendor: 'kilonova',
        topology: { cells: 1, sockets: 1, cores: 1, threads: 1 },
        features: [],
      },
      supportedInstances: [['x86_64', 'qemu', 'hvm']],
      uptimeSeconds: Math.floor((clock.now() - madeAt) / 1000),
      diskFreeGb: options.diskGb ?? SIZES.diskGb,
    }),
    traits: async () => [
      'COMPUTE_IMAGE_TYPE_RAW',
      'COMPUTE_IMAGE_TYPE_QCOW2',
      'COMPUTE_ARCH_X86_64',
      'HW_ARCH_X86_64',
    ],
    list: async () => [...guests.values()].map(infoOf),
    async info(uuid) {
      const guest = guests.get(uuid)
      return guest && infoOf(guest)
    },
    spawn: (guest) =>
      locks.run(guest.uuid, async (signal) => {
        if (guests.get(guest.uuid)?.powerState === POWER_STATES.running) return
        await act('spawn', guest, signal)
        const { uuid, name, flavor, image, madeBy } = guest
        const made = { uuid, name, flavor, image, powerState: POWER_STATES.shutdown }
        put({ ...made, ...(madeBy !== undefined && { madeBy }) })
        start(uuid)
      }),
    destroy: (uuid) =>
      locks.preempt(uuid, new Error('The guest is being removed'), async (signal) => {
        const guest = guests.get(uuid)
        if (!guest) return
        await act('destroy', guest, signal)
        stopTimer(uuid)
        guests.delete(uuid)
        failures.forget(uuid)
        journal?.write({ gone: uuid })
      }),
    powerOn: (guest) =>
      locks.run(guest.uuid, async (signal) => {
        const { uuid } = guest
        remember(guest)
        if (guests.get(uuid)?.powerState === POWER_STATES.running) return
        await act('start', guest, signal)
        // It may have another flavor by now.
        put({ ...present(uuid), flavor: guest.flavor })
        start(uuid)
      }),
    powerOff: (uuid, timeoutMs) => locks.run(uuid, (signal) => stop(uuid, timeoutMs, signal)),
    reboot: (guest) =>
      locks.run(guest.uuid, async (signal) => {
        await act('reboot', present(guest.uuid), signal)
        start(guest.uuid)
      }),
    consoleOutput: async (uuid, maxBytes) => Buffer.from(consoleText(present(uuid))).subarray(-maxBytes),
    async vncAddress(uuid) {
      return { unixPath: `${NO_SCREENS}/${present(uuid).uuid}` }
    },
  }
}
