/** The driver's abilities to which devices belong that come and go. */
import type { CanAttachInterface, CanAttachVolume } from '#virt/port.ts'
import type { Host } from './host.ts'
import { attachInterface, detachInterface } from './interfaces.ts'
import { attachVolume, detachVolume } from './volumes.ts'

export type DeviceAbilities = CanAttachVolume & CanAttachInterface

type Exclusively = <T>(uuid: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>

export const deviceAbilitiesOf = (host: Host, exclusively: Exclusively): DeviceAbilities => ({
  attachVolume: (uuid, volume) => exclusively(uuid, () => attachVolume(host, uuid, volume)),
  detachVolume: (uuid, volume) => exclusively(uuid, (signal) => detachVolume(host, uuid, volume, signal)),
  attachInterface: (guest, vif) => exclusively(guest.uuid, () => attachInterface(host, guest, vif)),
  detachInterface: (guest, vif) =>
    exclusively(guest.uuid, (signal) => detachInterface(host, guest, vif, signal)),
})
