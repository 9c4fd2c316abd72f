/** The clients with which services reach their neighbours: over HTTP, with a service user's token. */
import type { Config } from '#config/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpClient } from '#lib/http/index.ts'
import {
  createIdentity,
  createProjects,
  createServiceSession,
  createUnifiedLimits,
  type Identity,
  type Projects,
  type ServiceSession,
  type UnifiedLimits,
} from '#neighbours/identity/index.ts'
import { createImages, type Images } from '#neighbours/images/index.ts'
import { createNetworks, type Networks } from '#neighbours/networks/index.ts'
import { createPassThrough, type PassThrough } from '#neighbours/pass-through/index.ts'
import { createPlacementClient, type PlacementClient } from '#neighbours/placement/index.ts'
import { createVolumes, type Volumes, type VolumesDeps } from '#neighbours/volumes/index.ts'
import { UsageError } from '../arguments.ts'

export interface Neighbours {
  readonly identity: Identity
  readonly projects: Projects
  readonly unifiedLimits: UnifiedLimits
  readonly images: Images
  readonly networks: Networks
  readonly placement: PlacementClient
  readonly volumes: Volumes
  readonly passThrough: PassThrough
}

/** Whose token each neighbour is shown. */
export interface Sessions {
  readonly identity: ServiceSession
  readonly images: ServiceSession
  readonly networks: ServiceSession
  readonly placement: ServiceSession
  readonly volumes: ServiceSession
}

export interface NeighboursDeps {
  readonly http: HttpClient
  readonly clock: Clock
  readonly config: Config
  /** Keystone's, with or without `/v3`. */
  readonly authUrl: string
  readonly sessions: Sessions
}

const MS = 1_000

export const tokenCacheMs = ({ keystone_authtoken: { token_cache_time: seconds } }: Config): number =>
  Math.max(0, seconds) * MS

export function createNeighbours({ http, clock, config, authUrl, sessions }: NeighboursDeps): Neighbours {
  const { identity: session } = sessions
  return {
    identity: createIdentity({ http, clock, authUrl, session, cacheMs: tokenCacheMs(config) }),
    projects: createProjects({ http, authUrl, session }),
    unifiedLimits: createUnifiedLimits({
      http,
      authUrl,
      session,
      endpointId: config.oslo_limit.endpoint_id,
    }),
    images: createImages({ http, session: sessions.images }),
    networks: createNetworks({ http, session: sessions.networks }),
    placement: createPlacementClient({ http, clock, session: sessions.placement }),
    passThrough: createPassThrough({
      http,
      sessions: { image: sessions.images, network: sessions.networks },
    }),
    volumes: createVolumes({ http, session: sessions.volumes, catalog: volumeCatalog(config) }),
  }
}

/** `[cinder] catalog_info`: type, name and interface, of which the name was never looked at. */
function volumeCatalog({ cinder }: Config): NonNullable<VolumesDeps['catalog']> {
  const [type = 'volumev3', , wanted = ''] = cinder.catalog_info.split(':')
  const kind = (['internal', 'admin'] as const).find((name) => wanted.startsWith(name))
  return { type, interfaceName: kind ?? 'public' }
}

/** A service user's way in, as sections of nova.conf and placement.conf give it. */
interface Login {
  readonly auth_url: string | null
  readonly username: string | null
  readonly password: string | null
  readonly project_name: string | null
  readonly user_domain_name: string | null
  readonly project_domain_name: string | null
}

type Deps = Pick<NeighboursDeps, 'http' | 'clock'>

/** Keystone's URL, and the session of the service user whom `[keystone_authtoken]` names. Throws `UsageError` when it names none. */
export function authtokenSession(
  config: Config,
  deps: Deps,
  region?: string | null,
): { readonly authUrl: string; readonly session: ServiceSession } {
  return sessionOf('keystone_authtoken', config.keystone_authtoken, deps, region)
}

/** How operators' tools reach Placement. Throws `UsageError`. */
export const placementSession = (config: Config, deps: Deps): ServiceSession =>
  overridden(sessionOfSection('placement', config, deps), config.placement.endpoint_override)

function sessionOfSection(name: 'neutron' | 'placement', config: Config, deps: Deps): ServiceSession {
  const { username, region_name: region } = config[name]
  return username === null
    ? authtokenSession(config, deps, region).session
    : sessionOf(name, config[name], deps, region).session
}

/** What nova.conf says of each neighbour; where a section names no user, `[keystone_authtoken]` does. Throws `UsageError`. */
export function configuredNeighbours(config: Config, deps: Deps): Neighbours {
  const { cinder, glance, neutron } = config
  const { authUrl, session } = authtokenSession(config, deps)
  const images =
    glance.region_name === null ? session : authtokenSession(config, deps, glance.region_name).session
  return createNeighbours({
    ...deps,
    config,
    authUrl,
    sessions: {
      identity: session,
      images: overridden(images, glance.endpoint_override),
      networks: overridden(sessionOfSection('neutron', config, deps), neutron.endpoint_override),
      placement: placementSession(config, deps),
      volumes:
        cinder.os_region_name === null
          ? session
          : authtokenSession(config, deps, cinder.os_region_name).session,
    },
  })
}

/** `endpoint_override`: the catalog is not asked. */
export const overridden = (session: ServiceSession, url: string | null): ServiceSession =>
  url === null ? session : { ...session, endpoint: async () => url.replace(/\/+$/, '') }

function sessionOf(
  section: string,
  given: Login,
  deps: Deps,
  region?: string | null,
): { readonly authUrl: string; readonly session: ServiceSession } {
  const need = (name: 'auth_url' | 'username' | 'password' | 'project_name'): string => {
    const value = given[name]
    if (value === null) throw new UsageError(`[${section}] ${name} is not set`)
    return value
  }
  const authUrl = need('auth_url')
  const session = createServiceSession({
    ...deps,
    authUrl,
    username: need('username'),
    password: need('password'),
    projectName: need('project_name'),
    userDomainName: given.user_domain_name ?? 'Default',
    projectDomainName: given.project_domain_name ?? 'Default',
    ...(region != null && { region }),
  })
  return { authUrl, session }
}
