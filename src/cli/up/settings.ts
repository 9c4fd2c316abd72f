/** The configuration of an all-in-one: nova.conf and the environment, and from it what each service is told. */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { ApiConfig } from '#api/index.ts'
import type { ComputeConfig } from '#compute/index.ts'
import type { ConductorConfig } from '#conductor/index.ts'
import { defaultComputeConfig } from '#compute/index.ts'
import { defaultConductorConfig } from '#conductor/index.ts'
import type { MetadataConfig } from '#metadata/index.ts'
import type { CorsOptions } from '#placement/index.ts'
import type { SchedulerConfig } from '#scheduler/index.ts'
import { type Config, loadConfig, type Loaded, type Sources } from '#config/index.ts'

const MS = 1_000

/** What an all-in-one sets differently from Nova's defaults; nova.conf wins. */
const ARRANGEMENT: Readonly<Record<string, string>> = {
  // A developer's machine, which stops and starts with its owner: guests come back with it.
  'DEFAULT.resume_guests_state_on_host_boot': 'true',
  'DEFAULT.shutdown_timeout': '10',
  'DEFAULT.reserved_host_memory_mb': '0',
  // One process needs no broker.
  'DEFAULT.transport_url': 'in-process://',
  // As the stand-in for Neutron calls its external network.
  'neutron.default_floating_pool': 'public',
}

/** Reads the configuration; throws `ConfigError`. */
export function loadSettings(sources: Sources, hostname: string, stateDirectory: string): Promise<Loaded> {
  return loadConfig(
    { ...sources, defaults: { ...ARRANGEMENT, ...sources.defaults } },
    { hostname, hostAddress: hostAddress(), stateDirectory },
  )
}

/** This machine's first address that others could reach, else loopback. */
export function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

/** Where clients find what answers of the API point to; nova.conf wins. */
export interface PublicUrls {
  /** Keystone's. */
  readonly identity: string
  readonly image: string
}

export function apiConfig(config: Config, urls: PublicUrls): ApiConfig {
  const { DEFAULT, api, quota, vnc, consoleauth } = config
  return {
    authUri: config.keystone_authtoken.www_authenticate_uri ?? urls.identity,
    serviceTokens: {
      roles: config.keystone_authtoken.service_token_roles,
      required: config.keystone_authtoken.service_token_roles_required,
    },
    linkPrefix: api.compute_link_prefix,
    glanceLinkPrefix: api.glance_link_prefix ?? urls.image,
    propertiesNotInherited: DEFAULT.non_inheritable_image_properties,
    maxLimit: api.max_limit,
    maxBodyBytes: config.oslo_middleware.max_request_body_size,
    enableInstancePassword: api.enable_instance_password,
    passwordLength: DEFAULT.password_length,
    defaultAvailabilityZone: DEFAULT.default_availability_zone,
    internalServiceAvailabilityZone: DEFAULT.internal_service_availability_zone,
    defaultScheduleZone: DEFAULT.default_schedule_zone,
    serviceDownTimeMs: DEFAULT.service_down_time * MS,
    quota: {
      instances: quota.instances,
      cores: quota.cores,
      ramMb: quota.ram,
      metadataItems: quota.metadata_items,
      injectedFiles: quota.injected_files,
      injectedFileContentBytes: quota.injected_file_content_bytes,
      injectedFilePathBytes: quota.injected_file_path_length,
      keyPairs: quota.key_pairs,
      serverGroups: quota.server_groups,
      serverGroupMembers: quota.server_group_members,
    },
    maxLocalBlockDevices: DEFAULT.max_local_block_devices,
    attachesAcrossZones: config.cinder.cross_az_attach,
    defaultFloatingPool: config.neutron.default_floating_pool,
    quotaDriver: QUOTA_DRIVERS[quota.driver],
    unifiedLimits: {
      required: quota.unified_limits_resource_strategy === 'require' ? 'named' : 'others',
      names: quota.unified_limits_resource_list,
    },
    usageAuditPeriod: auditPeriodOf(DEFAULT.instance_usage_audit_period),
    reclaimsInstances: DEFAULT.reclaim_instance_interval > 0,
    offloadsAtOnce: DEFAULT.shelved_offload_time === 0,
    resizesOnSameHost: DEFAULT.allow_resize_to_same_host,
    vncEnabled: vnc.enabled,
    novncproxyBaseUrl: vnc.novncproxy_base_url,
    consoleTokenTtlMs: consoleauth.token_ttl * MS,
  }
}

const QUOTA_DRIVERS = {
  'nova.quota.DbQuotaDriver': 'database',
  'nova.quota.NoopQuotaDriver': 'none',
  'nova.quota.UnifiedLimitsDriver': 'keystone',
} as const

/** `month`, or `month@5`. */
function auditPeriodOf(text: string): ApiConfig['usageAuditPeriod'] {
  const [unit = '', offset = '0'] = text.split('@')
  return { unit: unit as ApiConfig['usageAuditPeriod']['unit'], offset: Number(offset) }
}

/** `[cors]`, for those whose APIs heed it. */
export const corsOptions = ({ cors }: Config): CorsOptions => ({
  allowedOrigins: cors.allowed_origin,
  allowCredentials: cors.allow_credentials,
  exposeHeaders: cors.expose_headers,
  maxAgeSeconds: cors.max_age,
  allowMethods: cors.allow_methods,
  allowHeaders: cors.allow_headers,
})

const DAY_MS = 86_400_000

export function conductorConfig(config: Config): ConductorConfig {
  const { DEFAULT, database, scheduler } = config
  return {
    ...defaultConductorConfig,
    host: DEFAULT.host,
    reportIntervalMs: DEFAULT.report_interval * MS,
    maxAttempts: scheduler.max_attempts,
    serviceDownTimeMs: DEFAULT.service_down_time * MS,
    shutdownTimeoutMs: DEFAULT.shutdown_timeout * MS,
    ...(DEFAULT.instance_build_timeout > 0 && { buildTimeoutMs: DEFAULT.instance_build_timeout * MS }),
    archiveDeletedMs: database.archive_deleted_after_days * DAY_MS,
    purgeDeletedMs: database.purge_deleted_after_days * DAY_MS,
    reclaimAfterMs: DEFAULT.reclaim_instance_interval * MS,
    volumeWaitMs: DEFAULT.block_device_allocate_retries * DEFAULT.block_device_allocate_retries_interval * MS,
    volumesInZone: !config.cinder.cross_az_attach,
    shelvedOffloadMs: Math.max(0, DEFAULT.shelved_offload_time) * MS,
    enableNewServices: DEFAULT.enable_new_services,
  }
}

export function schedulerConfig(config: Config): SchedulerConfig {
  const { DEFAULT, scheduler, filter_scheduler: filters } = config
  return {
    host: DEFAULT.host,
    reportIntervalMs: DEFAULT.report_interval * MS,
    maxAttempts: scheduler.max_attempts,
    maxPlacementResults: scheduler.max_placement_results,
    enabledFilters: filters.enabled_filters,
    hostSubsetSize: filters.host_subset_size,
    availableFilters: filters.available_filters,
    maxInstancesPerHost: filters.max_instances_per_host,
    maxIoOpsPerHost: filters.max_io_ops_per_host,
    isolatedHosts: filters.isolated_hosts,
    isolatedImages: filters.isolated_images,
    restrictIsolatedHostsToIsolatedImages: filters.restrict_isolated_hosts_to_isolated_images,
    imageIsolationNamespace: filters.aggregate_image_properties_isolation_namespace,
    imageIsolationSeparator: filters.aggregate_image_properties_isolation_separator,
    imagePropertiesDefaultArchitecture: filters.image_properties_default_architecture,
    ramWeightMultiplier: filters.ram_weight_multiplier,
    cpuWeightMultiplier: filters.cpu_weight_multiplier,
    diskWeightMultiplier: filters.disk_weight_multiplier,
    weightClasses: filters.weight_classes,
    ioOpsWeightMultiplier: filters.io_ops_weight_multiplier,
    numInstancesWeightMultiplier: filters.num_instances_weight_multiplier,
    hypervisorVersionWeightMultiplier: filters.hypervisor_version_weight_multiplier,
    buildFailureWeightMultiplier: filters.build_failure_weight_multiplier,
    crossCellMoveWeightMultiplier: filters.cross_cell_move_weight_multiplier,
    imagePropsWeightMultiplier: filters.image_props_weight_multiplier,
    imagePropsWeightSetting: filters.image_props_weight_setting,
    softAffinityWeightMultiplier: filters.soft_affinity_weight_multiplier,
    softAntiAffinityWeightMultiplier: filters.soft_anti_affinity_weight_multiplier,
    limitTenantsToPlacementAggregate: scheduler.limit_tenants_to_placement_aggregate,
    placementAggregateRequiredForTenants: scheduler.placement_aggregate_required_for_tenants,
    enableIsolatedAggregateFiltering: scheduler.enable_isolated_aggregate_filtering,
    queryPlacementForImageTypeSupport: scheduler.query_placement_for_image_type_support,
    imageMetadataPrefilter: scheduler.image_metadata_prefilter,
    serviceDownTimeMs: DEFAULT.service_down_time * MS,
    defaultAvailabilityZone: DEFAULT.default_availability_zone,
    defaultScheduleZone: DEFAULT.default_schedule_zone,
  }
}

/** Of Nova's periodic tasks, where their interval is 0. */
const DEFAULT_SPACING_MS = 60_000

export function computeConfig(config: Config): Partial<ComputeConfig> {
  const { DEFAULT, image_cache: cache } = config
  const forever = Number.MAX_SAFE_INTEGER
  /** Nova's intervals: 0 is the default's, a negative one is never. */
  const interval = (seconds: number, ms: number) =>
    seconds < 0 ? forever : seconds === 0 ? ms : seconds * MS
  return {
    myIp: DEFAULT.my_ip,
    reportIntervalMs: DEFAULT.report_interval * MS,
    updateResourcesIntervalMs: interval(
      DEFAULT.update_resources_interval,
      defaultComputeConfig.updateResourcesIntervalMs,
    ),
    syncPowerStateIntervalMs: interval(
      DEFAULT.sync_power_state_interval,
      defaultComputeConfig.syncPowerStateIntervalMs,
    ),
    maxConcurrentBuilds: DEFAULT.max_concurrent_builds,
    shutdownTimeoutMs: DEFAULT.shutdown_timeout * MS,
    deletedGuestAction: DEFAULT.running_deleted_instance_action,
    resumeGuests: DEFAULT.resume_guests_state_on_host_boot,
    imageCacheIntervalMs: interval(cache.manager_interval, DEFAULT_SPACING_MS),
    removeUnusedImages: cache.remove_unused_base_images,
    unusedImageMs: cache.remove_unused_original_minimum_age_seconds * MS,
    unusedResizedImageMs: cache.remove_unused_resized_minimum_age_seconds * MS,
    forceConfigDrive: DEFAULT.force_config_drive,
    dhcpDomain: config.api.dhcp_domain,
    reservedHostCpus: DEFAULT.reserved_host_cpus,
    reservedHostMemoryMb: DEFAULT.reserved_host_memory_mb,
    reservedHostDiskMb: DEFAULT.reserved_host_disk_mb,
    cpuAllocationRatio: DEFAULT.cpu_allocation_ratio ?? DEFAULT.initial_cpu_allocation_ratio,
    ramAllocationRatio: DEFAULT.ram_allocation_ratio ?? DEFAULT.initial_ram_allocation_ratio,
    diskAllocationRatio: DEFAULT.disk_allocation_ratio ?? DEFAULT.initial_disk_allocation_ratio,
  }
}

/** `secret` is the all-in-one's own, where nova.conf has none. Throws when the vendor data cannot be read. */
export function metadataConfig({ api, neutron }: Config, secret: string): MetadataConfig {
  return {
    sharedSecret: neutron.metadata_proxy_shared_secret || secret,
    cacheMs: api.metadata_cache_expiration * MS,
    domain: api.dhcp_domain,
    vendorData: vendorData(api.vendordata_jsonfile_path),
  }
}

function vendorData(path: string | null): Readonly<Record<string, unknown>> {
  if (path === null) return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw new Error(`[api] vendordata_jsonfile_path: ${path} cannot be read as JSON`, { cause: error })
  }
}
