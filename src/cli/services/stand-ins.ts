/** The stand-ins for Keystone, Glance, Neutron and Cinder made, and the users that Keystone begins with: the same in every arrangement. */
import { join } from 'node:path'
import type { Database } from '#db/kit/index.ts'
import { measureRequests } from '#lib/http/index.ts'
import type { Identity } from '#neighbours/identity/index.ts'
import type { Images } from '#neighbours/images/index.ts'
import { type Cinder, createCinder } from '#stand-ins/cinder/index.ts'
import { createGlance, type Glance } from '#stand-ins/glance/index.ts'
import { type BootstrapInput, createKeystone, type Keystone } from '#stand-ins/keystone/index.ts'
import {
  createNeutron,
  type NetworkPlane,
  type NeutronDeps,
  type NeutronService,
  type TellServers,
} from '#stand-ins/neutron/index.ts'
import { REGION, SERVICE_PROJECT, SERVICE_USERS, type StateDir, USERS } from '../up/state-dir.ts'
import type { Footing } from './make.ts'

/** What each stand-in hangs under. */
export const STAND_IN_PATHS = {
  identity: '/identity',
  image: '/image',
  network: '/network',
  volume: '/volume',
} as const

export interface StandInsFooting extends Footing {
  readonly db: Database
  readonly identity: Identity
  readonly images: Images
  readonly plane: NetworkPlane
  /** Their origin, as clients see it. */
  readonly publicUrl: string
  readonly stateDir: string
  readonly metadata: NonNullable<NeutronDeps['metadata']>
  readonly tellServers: TellServers
}

export interface StandIns {
  readonly keystone: Keystone
  readonly glance: Glance
  readonly neutron: NeutronService
  readonly cinder: Cinder
}

export function makeStandIns(footing: StandInsFooting): StandIns {
  const { db, clock, ids, identity, publicUrl, logOf } = footing
  const shared = { db, clock, ids, identity }
  const standIns = {
    keystone: createKeystone({
      ...shared,
      log: logOf('keystone'),
      publicUrl: () => publicUrl,
      mountPath: STAND_IN_PATHS.identity,
    }),
    glance: createGlance({
      ...shared,
      log: logOf('glance'),
      publicUrl: () => publicUrl,
      mountPath: STAND_IN_PATHS.image,
      storeDir: join(footing.stateDir, 'images'),
    }),
    neutron: createNeutron({
      ...shared,
      log: logOf('neutron'),
      plane: footing.plane,
      publicUrl: `${publicUrl}${STAND_IN_PATHS.network}`,
      host: footing.config.DEFAULT.host,
      metadata: footing.metadata,
      tellServers: footing.tellServers,
    }),
    cinder: createCinder({
      ...shared,
      log: logOf('cinder'),
      images: footing.images,
      publicUrl: () => publicUrl,
      mountPath: STAND_IN_PATHS.volume,
      storeDir: join(footing.stateDir, 'volumes'),
    }),
  }
  for (const [name, { app }] of Object.entries(standIns)) measureRequests(app, name, footing.metrics)
  return standIns
}

/** Cinder's entries in a catalog: the type by which services look for it, and the one of newer clients. */
export const volumeServices = (url: string): BootstrapInput['services'] =>
  [
    { type: 'volumev3', name: 'cinderv3' },
    { type: 'block-storage', name: 'cinder' },
  ].map((service) => ({ ...service, url: `${url}/v3/%(project_id)s` }))

/** The users of a state directory, and the catalog. */
export const bootstrapInput = (
  { state }: StateDir,
  services: BootstrapInput['services'],
): BootstrapInput => ({
  region: REGION,
  services,
  users: [
    ...USERS.map((user) => ({ ...user, password: state.passwords[user.name] ?? '' })),
    ...SERVICE_USERS.map((name) => ({
      name,
      password: state.passwords[name] ?? '',
      project: SERVICE_PROJECT,
      roles: ['admin', 'service'],
    })),
  ],
})
