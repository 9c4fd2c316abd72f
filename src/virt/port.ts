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
  /** Attached to this host already. */
  readonly volumes?: readonly BootVolume[]
  /** What makes it, remembered with it: tells it from a guest of the same server that was made at another time. */
  readonly madeBy?: string
}

/** Where an image's bytes come from: asked for only when the driver has no verified copy. */
export interface ImageSource {
  open(imageId: string): Promise<Readable>
}

export interface GuestInfo {
  readonly uuid: string
  readonly powerState: PowerState
  /** As it was when the guest was made. */
  readonly madeBy?: string
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

/** The guest's processors can be stopped where they are, its memory kept. */
export interface CanPause {
  pause(uuid: string): Promise<void>
  unpause(uuid: string): Promise<void>
}

/** The guest's memory can be put on disk, and taken up again. */
export interface CanSuspend {
  suspend(uuid: string): Promise<void>
  resume(guest: GuestDefinition): Promise<void>
}

/** The guest can be run from another image, its own disks beside it. */
export interface CanRescue {
  /** `image`: null is the guest's own. */
  rescue(guest: GuestDefinition, image: Image | null, images: ImageSource): Promise<void>
  unrescue(guest: GuestDefinition): Promise<void>
}

export interface CanSetPassword {
  setAdminPassword(uuid: string, password: string): Promise<void>
}

/** The guest can be told to dump its memory and crash (an NMI). */
export interface CanDumpCrash {
  triggerCrashDump(uuid: string): Promise<void>
}

/** Images can be fetched before a guest needs them. */
export interface CanCacheImages {
  cacheImage(image: Image, images: ImageSource): Promise<void>
}

/** How long no guest must have needed an image before it goes. Milliseconds. */
export interface ImageAges {
  readonly unusedMs: number
  /** The same, of copies that were made larger for a flavor. */
  readonly unusedResizedMs: number
  /** Says in the log what would go, counts it, and does nothing. */
  readonly dryRun: boolean
}

export interface AgedImages {
  /** A guest's disk stands on them, or one is being made to. */
  readonly used: number
  /** Kept until they are old enough. */
  readonly young: number
  readonly removed: number
  /** What crashes left of downloads. */
  readonly leftovers: number
}

/** Images that were kept for guests go when no guest has needed them for long. */
export interface CanAgeImages {
  ageImages(ages: ImageAges): Promise<AgedImages>
}

/** A guest's root disk as it was at one moment. */
export interface DiskSnapshot {
  readonly diskFormat: 'qcow2' | 'raw'
  readonly bytes: Readable
  /** Whatever became of the bytes: nothing of the snapshot stays on the host. */
  discard(): Promise<void>
}

export interface CanSnapshot {
  snapshot(uuid: string): Promise<DiskSnapshot>
}

/** A guest can be given another flavor on its host. */
export interface CanGrowDisks {
  /** The disks of a guest that is off become as large as its flavor says; none becomes smaller. */
  growDisks(guest: GuestDefinition): Promise<void>
}

/** Another host with the same driver can take the guest over, stopped; what is here is kept until it is destroyed. */
export interface CanMigrate {
  /** Powers the guest off, its disks ready to be taken over. */
  prepareMove(uuid: string, timeoutMs: number): Promise<void>
}

/** Another host with the same driver can take the guest over while it runs. */
export interface CanLiveMigrate {
  /** The guest as the other host is to make it, which ends it here when it is destroyed. */
  prepareLiveMove(uuid: string): Promise<void>
}

/** A volume as the guest is to see it, and how its host reaches it. */
export interface GuestVolume {
  readonly volumeId: string
  /** `/dev/vdb`; drivers may name it otherwise inside the guest. */
  readonly deviceName: string | null
  readonly tag: string | null
  readonly connection: {
    /** `local`, `iscsi`, `rbd` … */
    readonly driverVolumeType: string
    readonly data: Readonly<Record<string, unknown>>
  } | null
}

/** A volume can come and go while the guest is there, whether it runs or not. */
/** A volume that a guest is made with. */
export interface BootVolume extends GuestVolume {
  /** 0: it boots from it. */
  readonly bootIndex: number | null
}

/** A guest can be made with volumes, its root disk among them. */
export interface CanBootFromVolumes {
  readonly bootsFromVolumes: true
}

export interface CanAttachVolume {
  attachVolume(uuid: string, volume: GuestVolume): Promise<void>
  /** Nothing there is success. */
  detachVolume(uuid: string, volume: GuestVolume): Promise<void>
}

/** An interface can come and go while the guest is there, whether it runs or not. */
export interface CanAttachInterface {
  attachInterface(guest: GuestDefinition, vif: Vif): Promise<void>
  /** Nothing there is success. */
  detachInterface(guest: GuestDefinition, vif: Vif): Promise<void>
}

/** One volume can take another's place, its content copied, the guest not noticing. */
export interface CanSwapVolume {
  swapVolume(uuid: string, from: GuestVolume, to: GuestVolume): Promise<void>
}

/** What a guest uses and does. Undefined: not known. */
export interface GuestDiagnostics {
  readonly state: 'pending' | 'running' | 'paused' | 'shutdown' | 'crashed' | 'suspended'
  readonly hypervisor: string
  readonly hypervisorOs: string
  readonly uptimeSeconds?: number
  readonly memoryMb: number
  readonly memoryUsedMb?: number
  readonly cpus: readonly { readonly id: number; readonly timeNs?: number }[]
  readonly disks: readonly {
    readonly readBytes: number
    readonly readRequests: number
    readonly writeBytes: number
    readonly writeRequests: number
    readonly errors: number
  }[]
  readonly nics: readonly { readonly macAddress: string }[]
}

export interface HasDiagnostics {
  diagnostics(uuid: string): Promise<GuestDiagnostics>
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
export const canPause = (driver: VirtDriver): driver is VirtDriver & CanPause => 'pause' in driver
export const canSuspend = (driver: VirtDriver): driver is VirtDriver & CanSuspend => 'suspend' in driver
export const canRescue = (driver: VirtDriver): driver is VirtDriver & CanRescue => 'rescue' in driver
export const canSetPassword = (driver: VirtDriver): driver is VirtDriver & CanSetPassword =>
  'setAdminPassword' in driver
export const canDumpCrash = (driver: VirtDriver): driver is VirtDriver & CanDumpCrash =>
  'triggerCrashDump' in driver
export const canCacheImages = (driver: VirtDriver): driver is VirtDriver & CanCacheImages =>
  'cacheImage' in driver
export const canAgeImages = (driver: VirtDriver): driver is VirtDriver & CanAgeImages => 'ageImages' in driver
export const canSnapshot = (driver: VirtDriver): driver is VirtDriver & CanSnapshot => 'snapshot' in driver
export const canBootFromVolumes = (driver: VirtDriver): driver is VirtDriver & CanBootFromVolumes =>
  'bootsFromVolumes' in driver
export const canGrowDisks = (driver: VirtDriver): driver is VirtDriver & CanGrowDisks => 'growDisks' in driver
export const canMigrate = (driver: VirtDriver): driver is VirtDriver & CanMigrate => 'prepareMove' in driver
export const canLiveMigrate = (driver: VirtDriver): driver is VirtDriver & CanLiveMigrate =>
  'prepareLiveMove' in driver
export const canAttachVolume = (driver: VirtDriver): driver is VirtDriver & CanAttachVolume =>
  'attachVolume' in driver
export const canAttachInterface = (driver: VirtDriver): driver is VirtDriver & CanAttachInterface =>
  'attachInterface' in driver
export const canSwapVolume = (driver: VirtDriver): driver is VirtDriver & CanSwapVolume =>
  'swapVolume' in driver
export const hasDiagnostics = (driver: VirtDriver): driver is VirtDriver & HasDiagnostics =>
  'diagnostics' in driver

/** The driver has no such ability; nothing was done to the guest. */
export class NotSupported extends Error {
  override readonly name = 'NotSupported'
}

/** A spawn that another host may do better (no memory, QEMU missing): the conductor tries an alternate. */
export class SpawnFailed extends Error {
  override readonly name = 'SpawnFailed'
}

/** A guest that no host will start (an image that is not what it says): no use in trying elsewhere. */
export class GuestRefused extends Error {
  override readonly name = 'GuestRefused'
}
