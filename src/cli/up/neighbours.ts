/** The clients with which services reach their neighbours: over HTTP, with their own users' tokens. */
import type { Config } from '#config/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpClient } from '#lib/http/index.ts'
import {
  createIdentity,
  createProjects,
  createServiceSession,
  type Identity,
  type Projects,
  type ServiceSession,
} from '#neighbours/identity/index.ts'
import { createImages, type Images } from '#neighbours/images/index.ts'
import { createNetworks, type Networks } from '#neighbours/networks/index.ts'
import { createPlacementClient, type PlacementClient } from '#neighbours/placement/index.ts'
import { REGION, SERVICE_PROJECT } from './state-dir.ts'

export interface Neighbours {
  readonly identity: Identity
  readonly projects: Projects
  readonly images: Images
  readonly networks: Networks
  readonly placement: PlacementClient
  /** Another user's session, of a project. */
  sessionOf(user: string, project: string): ServiceSession
}

export interface NeighboursDeps {
  readonly http: HttpClient
  readonly clock: Clock
  readonly config: Config
  /** The cloud's own origin. */
  readonly url: string
  readonly passwords: Readonly<Record<string, string>>
}

const MS = 1_000

export function createNeighbours({ http, clock, config, url, passwords }: NeighboursDeps): Neighbours {
  const authUrl = `${url}/identity/v3`
  const sessionOf = (username: string, projectName: string): ServiceSession =>
    createServiceSession({
      http,
      clock,
      authUrl,
      username,
      projectName,
      password: passwords[username] ?? '',
      userDomainName: 'Default',
      projectDomainName: 'Default',
      region: REGION,
    })
  const session = sessionOf('nova', SERVICE_PROJECT)
  const cacheMs = Math.max(0, config.keystone_authtoken.token_cache_time) * MS
  return {
    identity: createIdentity({ http, clock, authUrl, session, cacheMs }),
    projects: createProjects({ http, authUrl, session }),
    images: createImages({ http, session }),
    networks: createNetworks({ http, session }),
    placement: createPlacementClient({ http, clock, session }),
    sessionOf,
  }
}
