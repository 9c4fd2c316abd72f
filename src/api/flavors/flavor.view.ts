/** How a flavor looks, at each microversion. */
import type { Links } from '#api/kernel/index.ts'
import { shownDuring, shownSince, shownUntil, view } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'

export interface FlavorContext {
  readonly links: Links
  /** The caller may see extra specs. */
  readonly extraSpecs: boolean
}

export const briefFlavor = view<Flavor, FlavorContext>({
  id: (flavor) => flavor.flavorId,
  name: (flavor) => flavor.name,
  links: (flavor, { links }) => links.of('flavors', flavor.flavorId),
  description: shownSince('2.55', (flavor) => flavor.description),
})

export const fullFlavor = view<Flavor, FlavorContext>({
  id: (flavor) => flavor.flavorId,
  name: (flavor) => flavor.name,
  ram: (flavor) => flavor.memoryMb,
  disk: (flavor) => flavor.rootGb,
  swap: shownDuring({
    '..2.74': (flavor) => flavor.swapMb || '',
    '2.75..': (flavor) => flavor.swapMb,
  }),
  'OS-FLV-EXT-DATA:ephemeral': (flavor) => flavor.ephemeralGb,
  'OS-FLV-DISABLED:disabled': shownUntil('2.101', (flavor) => flavor.disabled),
  vcpus: (flavor) => flavor.vcpus,
  'os-flavor-access:is_public': (flavor) => flavor.isPublic,
  rxtx_factor: shownUntil('2.101', (flavor) => flavor.rxtxFactor),
  links: (flavor, { links }) => links.of('flavors', flavor.flavorId),
  description: shownSince('2.55', (flavor) => flavor.description),
  extra_specs: shownSince('2.61', (flavor, { extraSpecs }) => (extraSpecs ? flavor.extraSpecs : undefined)),
})
