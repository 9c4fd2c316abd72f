/** Where devices sit. On q35 only what sits in a PCIe root port can come and go: whatever may leave gets one, and some are kept free. */
import { busOf, type Disk, type DiskBus, type DiskPlace, SCSI_PLACE, USB_PLACE } from './disk-devices.ts'
import { GuestRefused } from '#virt/port.ts'
import { options } from './option-list.ts'
import type { Monitor } from './qmp/monitor.ts'

const PORT_DRIVER = 'pcie-root-port'
/** Kept free for what is plugged in later. */
const SPARE_PORTS = 4
/** Eight ports share a slot of the root bus; QEMU gives what has no slot of its own the lowest free one. */
const FIRST_SLOT = 0x10
const PORTS_A_SLOT = 8

const isQ35 = (machine: string): boolean => machine === 'q35' || machine.startsWith('pc-q35')

const portName = (index: number): string => `port${index}`

interface Machine {
  readonly machine: string
  readonly diskBus: DiskBus
  readonly disks: readonly Disk[]
  readonly vifs: readonly unknown[]
}

/** Which of the guest's disks may leave it, by a port of their own. */
const leaving = ({ disks, diskBus }: Machine): readonly Disk[] =>
  disks.filter(
    (disk) => disk.volumeId !== undefined && disk.id !== 'root' && busOf(disk, diskBus) === 'virtio',
  )

/** The place of a disk that the guest is started with. */
export function diskPlace(plan: Machine, disk: Disk): DiskPlace {
  const bus = busOf(disk, plan.diskBus)
  if (bus === 'scsi') return SCSI_PLACE
  if (bus === 'usb') return USB_PLACE
  const q35 = isQ35(plan.machine)
  if (bus === 'ide') {
    const index = plan.disks.filter((each) => busOf(each, plan.diskBus) === 'ide').indexOf(disk)
    // Two on each of two channels; on q35 one on each of six.
    return q35 ? { bus: `ide.${index}` } : { bus: `ide.${Math.floor(index / 2)}`, unit: index % 2 }
  }
  const index = q35 ? leaving(plan).indexOf(disk) : -1
  return index < 0 ? {} : { bus: portName(plan.vifs.length + index) }
}

/** The port of the interface at `index`, where it has one. */
export const nicPort = (plan: Machine, index: number): string | undefined =>
  isQ35(plan.machine) ? portName(index) : undefined

/** The ports themselves; to stand before all that sits in them. */
export function portArguments(plan: Machine): string[] {
  if (!isQ35(plan.machine)) return []
  const count = plan.vifs.length + leaving(plan).length + SPARE_PORTS
  return Array.from({ length: count }, (_, index) => {
    const slot = FIRST_SLOT + Math.floor(index / PORTS_A_SLOT)
    const addr = `0x${slot.toString(16)}.0x${index % PORTS_A_SLOT}`
    const port = { id: portName(index), chassis: index + 1, slot: index + 1, addr, multifunction: true }
    return ['-device', options(PORT_DRIVER, port)]
  }).flat()
}

/** A port in which nothing sits. Undefined: this machine has none, and needs none. Throws when all are taken. */
export async function freePort(monitor: Monitor): Promise<string | undefined> {
  const devices = await monitor.devices()
  const ports = devices.filter(({ driver }) => driver === PORT_DRIVER)
  if (ports.length === 0) return undefined
  const others = devices.filter(({ driver }) => driver !== PORT_DRIVER)
  const buses: readonly string[] = await Promise.all(
    others.map(({ id }) => monitor.deviceProperty(id, 'parent_bus')),
  )
  const free = ports.find(({ id }) => !buses.some((bus) => bus.endsWith(`/${id}`)))
  if (!free)
    throw new GuestRefused('All PCIe ports of the guest are taken; it gets new ones when it is started anew')
  return free.id
}
