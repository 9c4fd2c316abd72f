/** What a simulated guest can do beyond the core: all of it, since nothing of it is real. */
import { Readable } from 'node:stream'
import { POWER_STATES, type PowerState } from '#model/instance/index.ts'
import type {
  CanAttachInterface,
  CanAttachVolume,
  CanBootFromVolumes,
  CanDumpCrash,
  CanGrowDisks,
  CanLiveMigrate,
  CanMigrate,
  CanPause,
  CanRescue,
  CanSetPassword,
  CanSnapshot,
  CanSuspend,
  CanSwapVolume,
  GuestDefinition,
  GuestDiagnostics,
  HasDiagnostics,
} from '#virt/port.ts'
import type { SimulatedGuest } from './journal.ts'
import type { Verb } from './misbehaviour.ts'

export type Abilities = CanPause &
  CanSuspend &
  CanRescue &
  CanSetPassword &
  CanDumpCrash &
  CanSnapshot &
  CanMigrate &
  CanGrowDisks &
  CanBootFromVolumes &
  CanLiveMigrate &
  CanAttachVolume &
  CanAttachInterface &
  CanSwapVolume &
  HasDiagnostics

/** What the driver lends its abilities. */
export interface Bench {
  /** One thing at a time per guest. */
  exclusively<T>(uuid: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** The guest; throws when it is not there. */
  present(uuid: string): SimulatedGuest
  /** Takes the time, and fails, as the guest's request asks. */
  act(verb: Verb, guest: SimulatedGuest, signal: AbortSignal): Promise<void>
  setPower(uuid: string, powerState: PowerState): void
  stop(uuid: string, timeoutMs: number, signal: AbortSignal): Promise<void>
  /** Makes a guest that this process has forgotten. */
  remember(guest: GuestDefinition): void
}

const { running, paused, suspended } = POWER_STATES

const STATES: Readonly<Record<number, GuestDiagnostics['state']>> = {
  [running]: 'running',
  [paused]: 'paused',
  [suspended]: 'suspended',
  [POWER_STATES.shutdown]: 'shutdown',
  [POWER_STATES.crashed]: 'crashed',
}

export function abilitiesOf({ exclusively, present, act, setPower, stop, remember }: Bench): Abilities {
  /** Brings the guest to a power state. There already is success. */
  const bring = (uuid: string, verb: Verb, powerState: PowerState, always = false) =>
    exclusively(uuid, async (signal) => {
      if (!always && present(uuid).powerState === powerState) return
      await act(verb, present(uuid), signal)
      setPower(uuid, powerState)
    })
  const settle = (uuid: string, verb: Verb) => exclusively(uuid, (signal) => act(verb, present(uuid), signal))
  return {
    pause: (uuid) => bring(uuid, 'pause', paused),
    unpause: (uuid) => bring(uuid, 'unpause', running),
    suspend: (uuid) => bring(uuid, 'suspend', suspended),
    async resume(guest) {
      remember(guest)
      await bring(guest.uuid, 'resume', running)
    },
    async rescue(guest) {
      remember(guest)
      await bring(guest.uuid, 'rescue', running, true)
    },
    async unrescue(guest) {
      remember(guest)
      await bring(guest.uuid, 'unrescue', running, true)
    },
    setAdminPassword: (uuid) => settle(uuid, 'password'),
    triggerCrashDump: (uuid) => settle(uuid, 'crash_dump'),
    snapshot: (uuid) =>
      exclusively(uuid, async (signal) => {
        const guest = present(uuid)
        await act('snapshot', guest, signal)
        // A whole sector, so that it is a raw image.
        const bytes = Buffer.alloc(512)
        bytes.write(`The imagined disk of ${guest.name}\n`)
        return { diskFormat: 'raw', bytes: Readable.from([bytes]), discard: async () => {} }
      }),
    prepareMove: (uuid, timeoutMs) =>
      exclusively(uuid, async (signal) => {
        await act('migrate', present(uuid), signal)
        await stop(uuid, timeoutMs, signal)
      }),
    bootsFromVolumes: true,
    growDisks: ({ uuid }) => settle(uuid, 'migrate'),
    prepareLiveMove: (uuid) => settle(uuid, 'live_migrate'),
    attachVolume: (uuid) => settle(uuid, 'attach_volume'),
    detachVolume: (uuid) => settle(uuid, 'detach_volume'),
    attachInterface: ({ uuid }) => settle(uuid, 'attach_interface'),
    detachInterface: ({ uuid }) => settle(uuid, 'detach_interface'),
    swapVolume: (uuid) => settle(uuid, 'swap_volume'),
    async diagnostics(uuid) {
      const { flavor, powerState } = present(uuid)
      return {
        state: STATES[powerState] ?? 'pending',
        hypervisor: 'simulated',
        hypervisorOs: 'simulated',
        memoryMb: flavor.memoryMb,
        cpus: Array.from({ length: flavor.vcpus }, (_, id) => ({ id, timeNs: 0 })),
        disks: [{ readBytes: 0, readRequests: 0, writeBytes: 0, writeRequests: 0, errors: 0 }],
        nics: [],
      }
    },
  }
}
