/** What hardware a guest gets, from its image's properties and flavor; what this driver cannot give is refused by name. */
import type { Image } from '#model/image/index.ts'
import { type GuestDefinition, GuestRefused } from '#virt/port.ts'
import type { DiskBus } from './disk-devices.ts'
import { NIC_DEVICES, type NicModel } from './nics.ts'

export interface Hardware {
  readonly machine: string
  readonly diskBus: DiskBus
  readonly nicModel: NicModel
  readonly guestAgent: boolean
}

const MACHINE = /^(pc|q35|pc-i440fx-[0-9.]+|pc-q35-[0-9.]+)$/
const DISK_BUSES: ReadonlySet<string> = new Set<DiskBus>(['virtio', 'scsi', 'ide'])
const TRUE = /^(yes|true|on|1|t|y)$/i

const refuse = (property: string, value: string) =>
  new GuestRefused(`Image property ${property}='${value}' is not supported by the QEMU driver`)

const isDiskBus = (value: string): value is DiskBus => DISK_BUSES.has(value)
const isNicModel = (value: string): value is NicModel => Object.hasOwn(NIC_DEVICES, value)

/** Throws `GuestRefused` where the image asks for something that is not there. */
export function hardwareOf(guest: GuestDefinition, machineDefault: 'pc' | 'q35'): Hardware {
  const properties: Image['properties'] = guest.image?.properties ?? {}
  const machine = properties['hw_machine_type'] ?? machineDefault
  const diskBus = properties['hw_disk_bus'] ?? 'virtio'
  const nicModel = properties['hw_vif_model'] ?? 'virtio'
  const firmware = properties['hw_firmware_type'] ?? 'bios'
  if (!MACHINE.test(machine)) throw refuse('hw_machine_type', machine)
  if (!isDiskBus(diskBus)) throw refuse('hw_disk_bus', diskBus)
  if (!isNicModel(nicModel)) throw refuse('hw_vif_model', nicModel)
  if (firmware !== 'bios') throw refuse('hw_firmware_type', firmware)
  return { machine, diskBus, nicModel, guestAgent: TRUE.test(properties['hw_qemu_guest_agent'] ?? '') }
}
