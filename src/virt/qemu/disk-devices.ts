/** A disk as QEMU has it: the block device that is its data, and the device that the guest sees. The same at the start and later. */
import type { PluggedDevice } from './qmp/device-commands.ts'

export type DiskBus = 'virtio' | 'scsi' | 'ide' | 'usb'

export type DiskMedium = 'disk' | 'cdrom'

export interface DiskLayer {
  readonly file: string
  readonly format: 'qcow2' | 'raw'
}

export interface Disk extends DiskLayer {
  /** Names the disk inside QEMU, and to the guest as its serial number where it is no volume. */
  readonly id: 'root' | 'rescue' | 'ephemeral0' | 'swap' | 'config' | `volume${number}`
  readonly backing?: DiskLayer
  readonly readOnly: boolean
  /** Left out: that of the guest's disks. */
  readonly bus?: DiskBus
  /** Left out: a disk. */
  readonly medium?: DiskMedium
  /** Not the guest's own: it comes and goes by this name. */
  readonly volumeId?: string
}

/** The layer's block device; formats are named at every level, so nothing is ever probed. */
const blockdev = (layer: DiskLayer, readOnly: boolean) => ({
  driver: layer.format,
  'read-only': readOnly,
  file: { driver: 'file', filename: layer.file, ...(!readOnly && { discard: 'unmap' }) },
})

/** The disk's data, as `blockdev-add` takes it. */
export const blockNode = (disk: Disk) => ({
  ...blockdev(disk, disk.readOnly),
  'node-name': disk.id as string,
  ...(!disk.readOnly && { discard: 'unmap' }),
  ...(disk.backing && {
    backing: {
      ...blockdev(disk.backing, true),
      ...(disk.backing.format === 'qcow2' && { backing: null }),
    },
  }),
})

/** How a disk, or one in a drive, sits on each bus. Virtio and USB have no drives. */
const DISK_DEVICES: Readonly<Record<DiskMedium, Readonly<Record<DiskBus, string>>>> = {
  disk: { virtio: 'virtio-blk-pci', scsi: 'scsi-hd', ide: 'ide-hd', usb: 'usb-storage' },
  cdrom: { virtio: 'virtio-blk-pci', scsi: 'scsi-cd', ide: 'ide-cd', usb: 'usb-storage' },
}

/** Where the firmware looks first for something to start. */
const BOOT_ORDER: Readonly<Partial<Record<Disk['id'], number>>> = { rescue: 0, root: 1 }

/** As much of a serial number as every bus can say; libvirt says as much of a volume's id. */
const SERIAL_LENGTH = 20

export const diskDeviceId = (disk: Disk): string => `disk-${disk.id}`

/** The config drive is always virtio: Debian's cloud kernel sees neither SATA nor IDE CD drives. */
export const busOf = (disk: Disk, diskBus: DiskBus): DiskBus =>
  disk.bus ?? (disk.id === 'config' ? 'virtio' : diskBus)

/** Where a disk sits on its bus. Nothing: wherever there is room. */
export interface DiskPlace {
  readonly bus?: string | undefined
  readonly unit?: number
}

/** What the guest sees, as `device_add` takes it. */
export function diskDevice(disk: Disk, diskBus: DiskBus, place: DiskPlace): PluggedDevice {
  return {
    driver: DISK_DEVICES[disk.medium ?? 'disk'][busOf(disk, diskBus)],
    drive: disk.id,
    id: diskDeviceId(disk),
    serial: disk.volumeId?.slice(0, SERIAL_LENGTH) ?? disk.id,
    bus: place.bus,
    unit: place.unit,
    bootindex: BOOT_ORDER[disk.id],
  }
}

export const SCSI_PLACE: DiskPlace = { bus: 'scsi0.0' }
export const USB_PLACE: DiskPlace = { bus: 'usb.0' }
