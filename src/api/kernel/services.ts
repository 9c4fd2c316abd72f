/** What the API is given: the stores, the neighbours, the bus, and the options it heeds. */
import type { Bus } from '#bus/port.ts'
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Identity, Projects, UnifiedLimits } from '#neighbours/identity/port.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { Networks } from '#neighbours/networks/port.ts'
import type { PassThrough } from '#neighbours/pass-through/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { Volumes } from '#neighbours/volumes/port.ts'
import type { Policy } from '#policy/index.ts'
import type { ServiceTokens } from './authenticate.ts'

export interface Services {
  readonly db: Database
  readonly bus: Bus
  readonly identity: Identity
  readonly projects: Projects
  /** Asked where limits are kept there. */
  readonly unifiedLimits?: UnifiedLimits
  readonly images: Images
  readonly networks: Networks
  readonly placement: PlacementClient
  readonly volumes: Volumes
  readonly passThrough: PassThrough
  readonly policy: Policy
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  readonly config: ApiConfig
}

/** Limits of a project; -1 is none. Nova's `[quota]` group. */
export interface QuotaLimits {
  readonly instances: number
  readonly cores: number
  readonly ramMb: number
  readonly metadataItems: number
  readonly injectedFiles: number
  readonly injectedFileContentBytes: number
  readonly injectedFilePathBytes: number
  readonly keyPairs: number
  readonly serverGroups: number
  readonly serverGroupMembers: number
}

export interface ApiConfig {
  /** Where callers without a token are sent: Keystone's public URL with `/v3` (`[keystone_authtoken] www_authenticate_uri`). */
  readonly authUri: string
  /** What makes a token a service's; the role `service`, not insisted upon, when left out. */
  readonly serviceTokens?: ServiceTokens
  /** The start of links; the request's own host when null (`[api] compute_link_prefix`). */
  readonly linkPrefix: string | null
  /** Glance's URL for links to images; derived from the compute's own when null (`[api] glance_link_prefix`). */
  readonly glanceLinkPrefix: string | null
  /** Properties of an image that images of its servers lack (`non_inheritable_image_properties`). */
  readonly propertiesNotInherited: readonly string[]
  readonly maxLimit: number
  readonly maxBodyBytes: number
  readonly enableInstancePassword: boolean
  readonly passwordLength: number
  readonly defaultAvailabilityZone: string
  readonly internalServiceAvailabilityZone: string
  /** Where servers go that ask for no zone; anywhere when null. */
  readonly defaultScheduleZone: string | null
  /** A service not heard of for so long counts as down. */
  readonly serviceDownTimeMs: number
  readonly quota: QuotaLimits
  /** Disks that are no volumes, at most, of a new server; -1 is any number. */
  readonly maxLocalBlockDevices: number
  /** Volumes may be of another zone than their server (`[cinder] cross_az_attach`). */
  readonly attachesAcrossZones: boolean
  /** Where floating addresses come from that name no pool: an external network, by name or id (`[neutron] default_floating_pool`). */
  readonly defaultFloatingPool: string
  /** Where limits come from; `none` limits nothing (`[quota] driver`). */
  readonly quotaDriver: 'database' | 'none' | 'keystone'
  /** Of Keystone's limits: `named` must be registered, or are 0; or `others` must, and those named are not heeded (`[quota] unified_limits_resource_*`). */
  readonly unifiedLimits: { readonly required: 'named' | 'others'; readonly names: readonly string[] }
  /** `instance_usage_audit_period`; the offset is 0 where none is written. */
  readonly usageAuditPeriod: {
    readonly unit: 'hour' | 'day' | 'month' | 'year'
    readonly offset: number
  }
  /** Deleted servers can be restored for a while (`reclaim_instance_interval` is not 0). */
  readonly reclaimsInstances: boolean
  /** A shelved server leaves its host at once (`shelved_offload_time` is 0). */
  readonly offloadsAtOnce: boolean
  /** A resize may choose the host that the server is on (`allow_resize_to_same_host`). */
  readonly resizesOnSameHost: boolean
  readonly vncEnabled: boolean
  readonly novncproxyBaseUrl: string
  /** How long a console's token is good. */
  readonly consoleTokenTtlMs: number
}
