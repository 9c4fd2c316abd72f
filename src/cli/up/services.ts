/** Every service of an all-in-one, made and wired: which there are, where each is mounted, in which order they start. */
import type { Bus } from '#bus/port.ts'
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import type { Keystone } from '#stand-ins/keystone/index.ts'
import type { NetworkPlane, NeutronService, TellServers } from '#stand-ins/neutron/index.ts'
import { makeBus } from '../services/bus.ts'
import {
  makeApi,
  makeConductor,
  makeMetadata,
  makeNoVncProxy,
  makePlacement,
  makePolicy,
  makeScheduler,
} from '../services/make.ts'
import type { Neighbours } from '../services/neighbours.ts'
import { policySources } from '../services/settings.ts'
import { makeStandIns, STAND_IN_PATHS, volumeServices } from '../services/stand-ins.ts'
import type { Mount } from './front-door.ts'
import { createPrivateListener, socketPathIn } from './private-listener.ts'
import { metadataConfig } from './settings.ts'

export interface Ground {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly config: Config
  readonly neighbours: Neighbours
  readonly tellServers: TellServers
  /** Being found out while the rest is wired. */
  readonly plane: Promise<NetworkPlane>
  /** The cloud's origin, as clients see it. */
  readonly publicUrl: string
  readonly stateDir: string
  /** Signs what the metadata agent says of a guest's request. */
  readonly metadataSecret: string
  readonly metrics: Metrics
  logOf(service: string): Log
}

/** A service that starts after those before it, and closes before them. */
export interface Part {
  readonly name: string
  start(): Promise<void>
  close(): Promise<void>
}

export interface Services {
  readonly bus: Bus
  readonly keystone: Keystone
  readonly neutron: NeutronService
  readonly mounts: readonly (Mount & { readonly app: Pick<HttpApp, 'ready'> })[]
  readonly parts: readonly Part[]
}

/** What each service hangs under; the catalog says the same. */
export const PATHS = {
  ...STAND_IN_PATHS,
  placement: '/placement',
  console: '/novnc',
} as const

/** The services' entries in the catalog. */
export const CATALOG = [
  { type: 'identity', name: 'keystone', url: `%(public_url)s${PATHS.identity}` },
  { type: 'compute', name: 'nova', url: '%(public_url)s/v2.1' },
  { type: 'image', name: 'glance', url: `%(public_url)s${PATHS.image}` },
  { type: 'network', name: 'neutron', url: `%(public_url)s${PATHS.network}` },
  { type: 'placement', name: 'placement', url: `%(public_url)s${PATHS.placement}` },
  ...volumeServices(`%(public_url)s${PATHS.volume}`),
] as const

export async function createServices(ground: Ground): Promise<Services> {
  const { db, config, neighbours, publicUrl } = ground
  const bus = makeBus(ground)
  const sources = policySources(config, [ground.stateDir])
  const [computePolicy, placementPolicy] = await Promise.all([
    makePolicy('compute', sources, ground),
    makePolicy('placement', sources, ground),
  ])
  const footing = { ...ground, bus }
  const placement = makePlacement({
    ...footing,
    identity: neighbours.identity,
    policy: placementPolicy,
    mountPath: PATHS.placement,
    wwwAuthenticateUri: `${publicUrl}${PATHS.identity}`,
  })
  const urls = { identity: `${publicUrl}${PATHS.identity}/v3`, image: `${publicUrl}${PATHS.image}` }
  const api = makeApi({ ...footing, policy: computePolicy, urls })
  const scheduler = makeScheduler(footing)
  // One process, one directory, locked: no other conductor can be at work.
  const conductor = makeConductor({ ...footing, sole: true })
  const novncproxy = makeNoVncProxy(footing)
  const metadata = makeMetadata({ ...footing, secret: ground.metadataSecret })
  const metadataSocket = socketPathIn(ground.stateDir, 'metadata.sock')
  const metadataDoor = createPrivateListener(metadata.app, metadataSocket)
  const { keystone, glance, neutron, cinder } = makeStandIns({
    ...ground,
    identity: neighbours.identity,
    images: neighbours.images,
    plane: await ground.plane,
    metadata: {
      upstream: { socketPath: metadataSocket },
      sharedSecret: metadataConfig(config, ground.metadataSecret).sharedSecret,
    },
  })
  return {
    bus,
    keystone,
    neutron,
    mounts: [
      { prefix: PATHS.identity, app: keystone.app },
      { prefix: PATHS.image, app: glance.app },
      { prefix: PATHS.network, app: neutron.app },
      { prefix: PATHS.volume, app: cinder.app },
      { prefix: PATHS.placement, app: placement.app },
      { prefix: PATHS.console, app: novncproxy.app, handleUpgrade: novncproxy.handleUpgrade },
      // Tempest, and a noVNC of before 1.5, open the WebSocket at the root of the page's host.
      { prefix: '', app: api.app, handleUpgrade: novncproxy.handleUpgrade },
    ],
    parts: [
      { name: 'bus', start: async () => undefined, close: () => bus.close() },
      { name: 'tables', start: () => db.migrate('nova', NOVA_MIGRATIONS), close: async () => undefined },
      { name: 'keystone', start: () => keystone.start(), close: () => keystone.close() },
      { name: 'glance', start: () => glance.start(), close: () => glance.close() },
      { name: 'nova-metadata', start: () => metadata.start(), close: () => metadata.close() },
      { name: 'metadata door', start: () => metadataDoor.start(), close: () => metadataDoor.close() },
      { name: 'neutron', start: () => neutron.start(), close: () => neutron.close() },
      { name: 'cinder', start: () => cinder.start(), close: () => cinder.close() },
      { name: 'placement-api', start: () => placement.start(), close: () => placement.close() },
      { name: 'nova-scheduler', start: () => scheduler.start(), close: () => scheduler.close() },
      { name: 'nova-conductor', start: () => conductor.start(), close: () => conductor.close() },
      {
        name: 'nova-novncproxy',
        start: async () => undefined,
        close: () => novncproxy.close(),
      },
      { name: 'nova-api', start: () => api.start(), close: () => api.close() },
    ],
  }
}
