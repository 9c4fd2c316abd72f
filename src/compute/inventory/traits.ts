/** The node's traits: what the driver's abilities mean in Placement's words, and what the driver adds. */
import { canAttachInterface, canBootFromVolumes, canRescue, type VirtDriver } from '#virt/port.ts'

/** Every compute node has it: it tells them from other providers. */
const NODE_TRAIT = 'COMPUTE_NODE'

const BY_ABILITY: Readonly<Record<string, (driver: VirtDriver) => boolean>> = {
  COMPUTE_NET_ATTACH_INTERFACE: canAttachInterface,
  COMPUTE_RESCUE_BFV: (driver) => canRescue(driver) && canBootFromVolumes(driver),
}

export async function traitsOf(driver: VirtDriver): Promise<readonly string[]> {
  const able = Object.keys(BY_ABILITY).filter((trait) => BY_ABILITY[trait]?.(driver))
  return [...new Set([NODE_TRAIT, ...able, ...(await driver.traits())])].sort()
}
