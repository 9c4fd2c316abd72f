/** A guest as the driver is to make it, out of what the conductor says of the instance. */
import type { GuestSpec } from '#contracts/compute.ts'
import type { GuestDefinition } from '#virt/port.ts'
import type { ComputeConfig } from './config.ts'

/** A guest behind user networking cannot reach the metadata service: it is always given a config drive. */
const needsConfigDrive = (guest: GuestSpec, config: ComputeConfig): boolean =>
  guest.configDrive || config.forceConfigDrive || guest.vifs.some((vif) => vif.type === 'user')

export function guestDefinition(guest: GuestSpec, config: ComputeConfig): GuestDefinition {
  const { uuid, name, flavor, image, vifs } = guest
  return { uuid, name, flavor, image, vifs, configDrive: needsConfigDrive(guest, config) ? {} : null }
}
