/**
 * The virt driver port: a dozen core methods every driver has, and abilities as interfaces of their own
 * from which the capability traits are derived. A driver is told everything it needs; it asks nobody.
 * Every method is idempotent: done twice is done once.
 */
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import type { PowerState } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { Readable } from 'node:stream'

/** A guest as it should be made. */
export interface GuestDefinition {
  readonly uuid: string
  readonly name: string
  readonly flavor: Flavor
  /** Null when booted from a volume. */
  readonly image: Image | null
  readonly vifs: readonly Vif[]
  /** The files of the config drive by path, or null when none is wanted. */
  readonly configDrive: Readonly<Record<string, string | Buffer>> | null
}

/** Where an image's bytes come from: asked for only when the driver has no verified copy. */
export interface ImageSource {
  open(imageId: string): Promise<Readable>
}

export interface GuestInfo {
  readonly uuid: string
  readonly powerState: PowerState
}

/** What the host has. Sizes as in Placement: MB and GB. */
export interface HostResources {
  readonly vcpus: number
  readonly memoryMb: number
  readonly diskGb: number
  readonly hypervisorType: string
  readonly hypervisorVersion: number
  readonly cpuInfo: Readonly<Record<string, unknown>>
  readonly supportedInstances: readonly (readonly [string, string, string])[]
  readonly uptimeSeconds: number | null
  readonly diskFreeGb: number | null
}

export type GuestEvent = { readonly kind: 'power'; readonly uuid: string; readonly powerState: PowerState }

export interface VirtDriver {
  readonly name: 'simulated' | 'qemu'
  /** Makes ready: finds guests that already run, probes the host. */
  start(): Promise<void>
  /** Lets go of the guests, which run on. */
  close(): Promise<void>
  /** Says when a guest's state changes without being asked. */
  onEvent(listener: (event: GuestEvent) => void): void

  resources(): Promise<HostResources>
  /** Standard trait names beyond those the abilities give. */
  traits(): Promise<readonly string[]>
  list(): Promise<readonly GuestInfo[]>
  /** Undefined when there is no such guest. */
  info(uuid: string): Promise<GuestInfo | undefined>

  /** Makes disks and interfaces and starts the guest; on failure nothing is left. */
  spawn(guest: GuestDefinition, images: ImageSource): Promise<void>
  /** Removes the guest, its disks and interfaces, whatever state it is in, ending what else is being done to it; nothing there is success. */
  destroy(uuid: string, vifs: readonly Vif[]): Promise<void>
  powerOn(guest: GuestDefinition): Promise<void>
  /** ACPI first; off by force after `timeoutMs` (at once when 0). */
  powerOff(uuid: string, timeoutMs: number): Promise<void>
  /** `soft`: asks the guest; falls back to hard when it does not obey. */
  reboot(guest: GuestDefinition, type: 'soft' | 'hard'): Promise<void>
}

/** The guest has a console log. */
export interface HasConsoleOutput {
  /** At most the last `maxBytes` of what the guest printed. */
  consoleOutput(uuid: string, maxBytes: number): Promise<Buffer>
}

export type ConsoleAddress = { readonly unixPath: string } | { readonly host: string; readonly port: number }

/** The guest has a screen reachable by VNC. */
export interface HasVnc {
  vncAddress(uuid: string): Promise<ConsoleAddress>
}

/** The guest has an interactive serial line. */
export interface HasSerial {
  serialAddress(uuid: string): Promise<ConsoleAddress>
}

/** A driver that holds guests in or beside its own process stops them when an all-in-one cloud stops. */
export interface CanStopAll {
  /** Stops every guest (ACPI, then by force after `timeoutMs`) and says which ones ran. */
  stopAll(timeoutMs: number): Promise<readonly string[]>
}

export const hasConsoleOutput = (driver: VirtDriver): driver is VirtDriver & HasConsoleOutput =>
  'consoleOutput' in driver
export const hasVnc = (driver: VirtDriver): driver is VirtDriver & HasVnc => 'vncAddress' in driver
export const hasSerial = (driver: VirtDriver): driver is VirtDriver & HasSerial => 'serialAddress' in driver
export const canStopAll = (driver: VirtDriver): driver is VirtDriver & CanStopAll => 'stopAll' in driver

/** A spawn that another host may do better (no memory, QEMU missing): the conductor tries an alternate. */
export class SpawnFailed extends Error {
  override readonly name = 'SpawnFailed'
}

/** A guest that no host will start (an image that is not what it says): no use in trying elsewhere. */
export class GuestRefused extends Error {
  override readonly name = 'GuestRefused'
}
