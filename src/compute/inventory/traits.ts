/** The node's traits: what the driver's abilities mean in Placement's words, and what the driver adds. */
import type { VirtDriver } from '#virt/port.ts'

/** Every compute node has it: it tells them from other providers. */
const NODE_TRAIT = 'COMPUTE_NODE'

export async function traitsOf(driver: VirtDriver): Promise<readonly string[]> {
  return [...new Set([NODE_TRAIT, ...(await driver.traits())])].sort()
}
