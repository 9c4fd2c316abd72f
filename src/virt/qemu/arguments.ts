/** QEMU's command line, made of a launch plan: pure, an argument array, nothing of it ever seen by a shell. */
import type { Vif } from '#model/network/index.ts'
import { networkArguments, type NicModel } from './nics.ts'
import { options, written } from './option-list.ts'

export type DiskBus = 'virtio' | 'scsi' | 'ide'

export interface DiskLayer {
  readonly file: string
  readonly format: 'qcow2' | 'raw'
}

export interface Disk extends DiskLayer {
  /** Names the disk inside QEMU, and to the guest as its serial number. */
  readonly id: 'root' | 'ephemeral0' | 'swap' | 'config' | `volume${number}`
  readonly backing?: DiskLayer
  readonly readOnly: boolean
}

export interface GuestPaths {
  readonly qmpSocket: string
  readonly vncSocket: string
  readonly serialSocket: string
  readonly agentSocket: string
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

/** Ports kept free on q35, where nothing can be plugged in later without one. */
const SPARE_ROOT_PORTS = 4

/** QEMU's own seccomp filter: no new programs, no new rights. */
export const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

const isQ35 = (machine: string) => machine === 'q35' || machine.startsWith('pc-q35')

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

/** The layer's block device; formats are named at every level, so nothing is ever probed. */
const blockdev = (layer: DiskLayer, readOnly: boolean) => ({
  driver: layer.format,
  'read-only': readOnly,
  file: { driver: 'file', filename: layer.file, ...(!readOnly && { discard: 'unmap' }) },
})

/** How a disk sits on each bus. */
const DISK_DEVICES: Readonly<Record<DiskBus, string>> = {
  virtio: 'virtio-blk-pci',
  scsi: 'scsi-hd',
  ide: 'ide-hd',
}

function diskArguments(plan: LaunchPlan): string[] {
  const controller = plan.diskBus === 'scsi' ? ['-device', options('virtio-scsi-pci', { id: 'scsi0' })] : []
  const disks = plan.disks.flatMap((disk) => {
    const node = {
      ...blockdev(disk, disk.readOnly),
      'node-name': disk.id,
      ...(!disk.readOnly && { discard: 'unmap' }),
      ...(disk.backing && {
        backing: {
          ...blockdev(disk.backing, true),
          ...(disk.backing.format === 'qcow2' && { backing: null }),
        },
      }),
    }
    // The config drive is always virtio: Debian's cloud kernel sees neither SATA nor IDE CD drives.
    const bus = disk.id === 'config' ? 'virtio' : plan.diskBus
    const device = options(DISK_DEVICES[bus], {
      drive: disk.id,
      id: `disk-${disk.id}`,
      serial: disk.id,
      bus: bus === 'scsi' ? 'scsi0.0' : undefined,
      bootindex: disk.id === 'root' ? 1 : undefined,
    })
    return ['-blockdev', JSON.stringify(node), '-device', device]
  })
  return [...controller, ...disks]
}

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

function spareArguments(plan: LaunchPlan): string[] {
  if (!isQ35(plan.machine)) return []
  return Array.from({ length: SPARE_ROOT_PORTS }, (_, index) => [
    '-device',
    options('pcie-root-port', { id: `spare${index}`, chassis: index + 1, slot: index + 1 }),
  ]).flat()
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
    ...diskArguments(plan),
    ...networkArguments(plan.vifs, plan.nicModel),
    ...consoleArguments(plan),
    '-object',
    'rng-random,id=rng0,filename=/dev/urandom',
    '-device',
    'virtio-rng-pci,rng=rng0',
    ...spareArguments(plan),
  ]
}
