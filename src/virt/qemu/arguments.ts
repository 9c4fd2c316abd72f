/** QEMU's command line, made of a launch plan: pure, an argument array, nothing of it ever seen by a shell. */
import type { Vif } from '#model/network/index.ts'
import { blockNode, type Disk, type DiskBus, diskDevice } from './disk-devices.ts'
import { networkArguments, type NicModel } from './nics.ts'
import { deviceOption, options, written } from './option-list.ts'
import { diskPlace, nicPort, portArguments } from './places.ts'

export interface GuestPaths {
  readonly qmpSocket: string
  readonly vncSocket: string
  readonly serialSocket: string
  readonly agentSocket: string
  /** Through it a guest's memory comes and goes. */
  readonly memorySocket: string
  readonly consoleLog: string
  /** What QEMU itself has to say. */
  readonly qemuLog: string
  readonly pidFile: string
}

export interface LaunchPlan {
  readonly uuid: string
  readonly name: string
  readonly vcpus: number
  readonly memoryMb: number
  readonly accel: { readonly kind: 'kvm' } | { readonly kind: 'tcg'; readonly tbSizeMb: number }
  /** Whether QEMU may confine itself with seccomp on this host. */
  readonly sandbox: boolean
  /** `pc`, `q35`, or a version of one (`pc-i440fx-7.2`). */
  readonly machine: string
  readonly diskBus: DiskBus
  readonly disks: readonly Disk[]
  readonly nicModel: NicModel
  readonly vifs: readonly Vif[]
  readonly guestAgent: boolean
  readonly paths: GuestPaths
  /** What the guest's BIOS says of its maker: guests look for `OpenStack Nova` there. */
  readonly productVersion: string
}

/** QEMU's own seccomp filter: no new programs, no new rights. */
export const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

function machineArguments(plan: LaunchPlan): string[] {
  const { accel } = plan
  return [
    '-machine',
    options(plan.machine, { usb: false, 'dump-guest-core': false }),
    '-accel',
    accel.kind === 'kvm' ? 'kvm' : options('tcg', { 'tb-size': accel.tbSizeMb }),
    // Under TCG five-level page tables only cost time.
    '-cpu',
    accel.kind === 'kvm' ? 'host' : 'max,la57=off',
    '-m',
    options('', { size: `${plan.memoryMb}M` }).slice(1),
    '-smp',
    options(String(plan.vcpus), { sockets: plan.vcpus, cores: 1, threads: 1 }),
  ]
}

function identityArguments(plan: LaunchPlan): string[] {
  const system = {
    type: 1,
    manufacturer: 'OpenStack Foundation',
    product: 'OpenStack Nova',
    version: plan.productVersion,
    serial: plan.uuid,
    uuid: plan.uuid,
    family: 'Virtual Machine',
  }
  return [
    '-name',
    options(`guest=${written(plan.name)}`, { 'debug-threads': true }),
    '-uuid',
    plan.uuid,
    '-smbios',
    options('', system).slice(1),
  ]
}

function diskArguments(plan: LaunchPlan): string[] {
  const isScsi = plan.diskBus === 'scsi' || plan.disks.some((disk) => disk.bus === 'scsi')
  const controller = isScsi ? ['-device', options('virtio-scsi-pci', { id: 'scsi0' })] : []
  const onTheirBus = plan.disks.filter((disk) => disk.bus !== 'usb')
  return [...controller, ...onTheirBus.flatMap((disk) => oneDisk(plan, disk))]
}

/** They sit on a bus that is made after all other disks. */
const usbDiskArguments = (plan: LaunchPlan): string[] =>
  plan.disks.filter((disk) => disk.bus === 'usb').flatMap((disk) => oneDisk(plan, disk))

const oneDisk = (plan: LaunchPlan, disk: Disk): string[] => [
  '-blockdev',
  JSON.stringify(blockNode(disk)),
  '-device',
  deviceOption(diskDevice(disk, plan.diskBus, diskPlace(plan, disk))),
]

function consoleArguments({ paths, guestAgent }: LaunchPlan): string[] {
  const listening = (id: string, path: string) => options('socket', { id, path, server: true, wait: false })
  const agent = [
    '-chardev',
    listening('agent', paths.agentSocket),
    '-device',
    options('virtio-serial-pci', { id: 'channels' }),
    '-device',
    options('virtserialport', { bus: 'channels.0', chardev: 'agent', name: 'org.qemu.guest_agent.0' }),
  ]
  return [
    '-chardev',
    listening('monitor', paths.qmpSocket),
    '-mon',
    options('chardev=monitor', { mode: 'control' }),
    '-chardev',
    options('socket', {
      id: 'serial0',
      path: paths.serialSocket,
      server: true,
      wait: false,
      logfile: paths.consoleLog,
      logappend: true,
    }),
    '-serial',
    'chardev:serial0',
    '-vnc',
    options(`unix:${written(paths.vncSocket)}`, { share: 'force-shared' }),
    '-device',
    'VGA,vgamem_mb=16',
    '-device',
    'qemu-xhci,id=usb',
    '-device',
    'usb-tablet,bus=usb.0',
    ...(guestAgent ? agent : []),
  ]
}

/** The whole command line after the program's name. The guest starts paused: `cont` runs it. */
export function buildArguments(plan: LaunchPlan): string[] {
  return [
    ...identityArguments(plan),
    '-S',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    ...(plan.sandbox ? ['-sandbox', SANDBOX] : []),
    ...machineArguments(plan),
    '-rtc',
    'base=utc',
    '-boot',
    'strict=on',
    '-pidfile',
    plan.paths.pidFile,
    ...portArguments(plan),
    ...diskArguments(plan),
    ...networkArguments(plan.vifs, plan.nicModel, (index) => nicPort(plan, index)),
    ...consoleArguments(plan),
    '-object',
    'rng-random,id=rng0,filename=/dev/urandom',
    '-device',
    'virtio-rng-pci,rng=rng0',
    ...usbDiskArguments(plan),
  ]
}
