/** Parts of a server: its addresses, metadata and tags. */
import type { Route, Services } from '#api/kernel/index.ts'
import { addressRoutes } from './addresses.ts'
import { metadataRoutes } from './metadata.ts'
import { tagRoutes } from './tags.ts'

export const serverPartRoutes = (services: Services): readonly Route[] => [
  ...addressRoutes(services),
  ...metadataRoutes(services),
  ...tagRoutes(services),
]
