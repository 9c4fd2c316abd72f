/** Each service made out of the configuration and what it stands on: the same in an all-in-one and in a process of its own. */
import { createApi } from '#api/index.ts'
import type { Bus } from '#bus/port.ts'
import { type Compute, createCompute } from '#compute/index.ts'
import { type Conductor, createConductor } from '#conductor/index.ts'
import type { Config } from '#config/index.ts'
import { createNoVncProxy, type NoVncProxy } from '#console/index.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import { measureRequests } from '#lib/http/index.ts'
import type { Metrics } from '#lib/metrics.ts'
import { createMetadata } from '#metadata/index.ts'
import type { Identity } from '#neighbours/identity/index.ts'
import { createPlacementApp, type PlacementApp } from '#placement/index.ts'
import {
  computeRules,
  createLivePolicy,
  type LivePolicy,
  placementRules,
  type Policy,
  type PolicySources,
} from '#policy/index.ts'
import { createScheduler, type Scheduler } from '#scheduler/index.ts'
import type { VirtDriver } from '#virt/port.ts'
import {
  apiConfig,
  computeConfig,
  conductorConfig,
  corsOptions,
  metadataConfig,
  type PublicUrls,
  schedulerConfig,
} from '../up/settings.ts'
import { measurePlacement } from './metrics.ts'
import type { Neighbours } from './neighbours.ts'

export interface Footing {
  readonly config: Config
  readonly clock: Clock
  readonly ids: Ids
  /** What the process counts. */
  readonly metrics: Metrics
  logOf(service: string): Log
}

export interface WithDatabase {
  readonly db: Database
}

export interface WithBus {
  readonly bus: Bus
}

export interface WithNeighbours {
  readonly neighbours: Neighbours
}

const RULES = { compute: computeRules, placement: placementRules } as const

/** The policy of an API, with what its files override; it follows them. Throws a `PolicySyntaxError`. */
export const makePolicy = (
  api: keyof typeof RULES,
  sources: PolicySources,
  { config, clock, logOf }: Pick<Footing, 'config' | 'clock' | 'logOf'>,
): Promise<LivePolicy> =>
  createLivePolicy(sources, {
    rules: RULES[api],
    clock,
    enforceScope: config.oslo_policy.enforce_scope,
    enforceNewDefaults: config.oslo_policy.enforce_new_defaults,
    log: logOf('policy'),
  })

export const makeApi = (
  footing: Footing &
    WithDatabase &
    WithBus &
    WithNeighbours & { readonly policy: Policy; readonly urls: PublicUrls },
): ReturnType<typeof createApi> => {
  const { db, bus, clock, ids, config, neighbours, policy, urls, logOf } = footing
  const api = createApi({
    ...neighbours,
    db,
    bus,
    clock,
    ids,
    policy,
    log: logOf('nova-api'),
    config: apiConfig(config, urls),
  })
  measureRequests(api.app, 'nova-api', footing.metrics)
  return api
}

export const makePlacement = (
  footing: Footing &
    WithDatabase & {
      readonly identity: Identity | 'noauth2'
      readonly policy: Policy
      readonly mountPath: string
      readonly wwwAuthenticateUri: string | null
    },
): PlacementApp => {
  const { db, clock, ids, config, identity, policy, mountPath, wwwAuthenticateUri, logOf } = footing
  const placement = createPlacementApp({
    db,
    clock,
    ids,
    identity,
    mountPath,
    log: logOf('placement-api'),
    policy: (rule, context, { projectId }) =>
      policy.allows(rule, context, projectId === undefined ? {} : { project_id: projectId }),
    trustsProxy: config.oslo_middleware.enable_proxy_headers_parsing,
    incompleteConsumerProjectId: config.placement.incomplete_consumer_project_id,
    incompleteConsumerUserId: config.placement.incomplete_consumer_user_id,
    ...(config.placement.randomize_allocation_candidates && { randomizeCandidates: Math.random }),
    ...(wwwAuthenticateUri !== null && { wwwAuthenticateUri }),
    cors: corsOptions(config),
  })
  measureRequests(placement.app, 'placement-api', footing.metrics)
  measurePlacement(footing.metrics, placement)
  return placement
}

export const makeScheduler = (footing: Footing & WithDatabase & WithBus & WithNeighbours): Scheduler => {
  const { db, bus, clock, ids, config, neighbours, logOf } = footing
  return createScheduler({
    db,
    bus,
    clock,
    ids,
    placement: neighbours.placement,
    metrics: footing.metrics,
    log: logOf('nova-scheduler'),
    config: schedulerConfig(config),
  })
}

/** `sole`: no other conductor works on the database. */
export const makeConductor = (
  footing: Footing & WithDatabase & WithBus & WithNeighbours & { readonly sole: boolean },
): Conductor => {
  const { db, bus, clock, ids, config, neighbours, sole, logOf } = footing
  return createConductor({
    ...neighbours,
    db,
    bus,
    clock,
    ids,
    metrics: footing.metrics,
    log: logOf('nova-conductor'),
    config: { ...conductorConfig(config), sole },
  })
}

export const makeNoVncProxy = ({ bus, ids, config, metrics, logOf }: Footing & WithBus): NoVncProxy => {
  const proxy = createNoVncProxy({
    conductor: clientOf(conductorContract, CONDUCTOR_TOPIC, bus),
    ids,
    log: logOf('nova-novncproxy'),
    allowedOrigins: config.console.allowed_origins,
  })
  measureRequests(proxy.app, 'nova-novncproxy', metrics)
  return proxy
}

/** `secret` signs what the metadata agent says, where nova.conf has none. */
export const makeMetadata = (
  footing: Footing & WithDatabase & { readonly secret: string },
): ReturnType<typeof createMetadata> => {
  const { db, clock, ids, config, secret, logOf } = footing
  const metadata = createMetadata({
    db,
    clock,
    ids,
    log: logOf('nova-metadata'),
    config: metadataConfig(config, secret),
  })
  measureRequests(metadata.app, 'nova-metadata', footing.metrics)
  return metadata
}

export const makeCompute = (
  footing: Footing &
    WithBus &
    WithNeighbours & {
      readonly host: string
      readonly driver: VirtDriver
      /** Guests cannot ask a metadata service. */
      readonly forceConfigDrive: boolean
      /** Computes of one process share it. */
      readonly log: Log
      /** Where another process could serve the same host. */
      readonly identity?: string
      readonly onTaken?: (error: Error) => void
    },
): Compute => {
  const { bus, clock, ids, config, neighbours, host, driver, forceConfigDrive, log } = footing
  const { identity, onTaken } = footing
  return createCompute({
    host,
    driver,
    bus,
    clock,
    ids,
    log,
    images: neighbours.images,
    placement: neighbours.placement,
    ...(identity !== undefined && { identity }),
    ...(onTaken && { onTaken }),
    metrics: footing.metrics,
    config: { ...computeConfig(config), ...(forceConfigDrive && { forceConfigDrive }) },
  })
}
