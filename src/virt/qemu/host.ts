/** What the driver's verbs share: the host's folders, tools and abilities, and the guests that run on it. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import type { PowerState } from '#model/instance/index.ts'
import type { GuestStore } from './guest-store.ts'
import type { HostAbilities } from './host-probe.ts'
import type { ImageCache } from './images.ts'
import { isAlive, type ProcessIdentity } from './process.ts'
import { type RunningGuest, watchGuest } from './running.ts'
import type { Taps } from './taps.ts'
import type { Tools } from './tools.ts'

export interface QemuOptions {
  /** Holds `instances/` and what was learned of the host. */
  readonly stateDir: string
  readonly clock: Clock
  readonly log: Log
  /** The program's name or absolute path. */
  readonly qemuBinary?: string
  /** Folders in which programs are looked for. */
  readonly searchPath?: readonly string[]
  /** `auto`: KVM where a probe shows that a guest really starts under it. */
  readonly virtType?: 'auto' | 'kvm' | 'qemu'
  readonly machineType?: 'pc' | 'q35'
  /** TCG's cache of translated code, MB a guest. */
  readonly tbSizeMb?: number
  /** How long a soft reboot waits for the guest before it becomes a hard one. */
  readonly softRebootTimeoutMs?: number
  /** How much of a guest's console is kept (twice, at most). */
  readonly consoleLogLimitBytes?: number
  /** How often a running guest is asked to let go of a device before it is taken to keep it, and how long each time. */
  readonly detachAttempts?: number
  readonly detachTimeoutMs?: number
}

export interface Host {
  readonly options: Required<QemuOptions>
  readonly clock: Clock
  readonly log: Log
  readonly store: GuestStore
  readonly tools: Tools
  readonly taps: Taps
  readonly images: ImageCache
  /** Guests whose process lives, as far as we know. */
  readonly running: Map<string, RunningGuest>
  /** Probed once, when first needed. */
  abilities(): Promise<HostAbilities>
  /** Tells the driver's listeners. */
  announce(uuid: string, powerState: PowerState): void
}

/** The guest if its process lives at this moment. */
export async function findRunning(host: Host, uuid: string): Promise<RunningGuest | undefined> {
  const guest = host.running.get(uuid)
  if (guest && !(await isAlive(guest.process))) {
    await guest.gone
    return undefined
  }
  return guest
}

/** Takes a process into care as the guest's: watched until it ends, its taps then removed. */
export function adopt(host: Host, uuid: string, identity: ProcessIdentity): RunningGuest {
  const guest = watchGuest(uuid, identity, host.store.paths(uuid).qmpSocket, {
    clock: host.clock,
    log: host.log,
    onChange: (changed, powerState) => host.announce(changed.uuid, powerState),
    onGone: async (ended) => {
      if (host.running.get(uuid) === ended) host.running.delete(uuid)
      const record = await host.store.find(uuid)
      await host.taps.unplug(record?.taps ?? [])
    },
  })
  host.running.set(uuid, guest)
  return guest
}
