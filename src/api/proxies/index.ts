/** Routes that ended when their nouns had services of their own: until then they pass on what Glance, Neutron and Cinder say. */
import type { Route, Services } from '#api/kernel/index.ts'
import { baremetalRoutes } from './baremetal-nodes.ts'
import { fixedIpActionRoutes } from './fixed-ip-actions.ts'
import { floatingIpActionRoutes } from './floating-ip-actions.ts'
import { floatingIpRoutes } from './floating-ips.ts'
import { imageRoutes } from './images.ts'
import { imageMetadataRoutes } from './image-metadata.ts'
import { networkRoutes } from './networks.ts'
import { securityGroupProxies } from './security-groups.ts'
import { volumeRoutes } from './volumes.ts'

export const proxyRoutes = (services: Services): readonly Route[] => [
  ...baremetalRoutes,
  ...floatingIpRoutes(services),
  ...fixedIpActionRoutes(services),
  ...floatingIpActionRoutes(services),
  ...imageRoutes(services),
  ...imageMetadataRoutes(services),
  ...networkRoutes(services),
  ...securityGroupProxies(services),
  ...volumeRoutes(services),
]
