/** The scheduler's options as plain values; cli reads them out of nova.conf, where each has the name said here. */

export interface SchedulerConfig {
  /** `host`: what this scheduler is called in the list of services. */
  readonly host: string
  /** `report_interval`: how often it says there that it lives. */
  readonly reportIntervalMs: number
  /** `[scheduler] max_attempts`: one host and this many less one alternates. */
  readonly maxAttempts: number
  /** `[scheduler] max_placement_results` */
  readonly maxPlacementResults: number
  /** `[filter_scheduler] enabled_filters` */
  readonly enabledFilters: readonly string[]
  /** `[filter_scheduler] host_subset_size` */
  readonly hostSubsetSize: number
  /** `[filter_scheduler] available_filters` */
  readonly availableFilters: readonly string[]
  /** `[filter_scheduler] max_instances_per_host`, `max_io_ops_per_host` */
  readonly maxInstancesPerHost: number
  readonly maxIoOpsPerHost: number
  /** `[filter_scheduler] isolated_hosts`, `isolated_images`, `restrict_isolated_hosts_to_isolated_images` */
  readonly isolatedHosts: readonly string[]
  readonly isolatedImages: readonly string[]
  readonly restrictIsolatedHostsToIsolatedImages: boolean
  /** `[filter_scheduler] aggregate_image_properties_isolation_namespace`, `…_separator` */
  readonly imageIsolationNamespace: string | null
  readonly imageIsolationSeparator: string
  /** `[filter_scheduler] image_properties_default_architecture` */
  readonly imagePropertiesDefaultArchitecture: string | null
  /** `[filter_scheduler] ram_weight_multiplier`, `cpu_…`, `disk_…` */
  readonly ramWeightMultiplier: number
  readonly cpuWeightMultiplier: number
  readonly diskWeightMultiplier: number
  /** `[filter_scheduler] weight_classes` */
  readonly weightClasses: readonly string[]
  /** `[filter_scheduler] io_ops_weight_multiplier`, and so the rest */
  readonly ioOpsWeightMultiplier: number
  readonly numInstancesWeightMultiplier: number
  readonly hypervisorVersionWeightMultiplier: number
  readonly buildFailureWeightMultiplier: number
  readonly crossCellMoveWeightMultiplier: number
  readonly imagePropsWeightMultiplier: number
  /** `[filter_scheduler] image_props_weight_setting`: `os_distro=10`. */
  readonly imagePropsWeightSetting: readonly string[]
  /** `[filter_scheduler] soft_affinity_weight_multiplier`, `soft_anti_affinity_…` */
  readonly softAffinityWeightMultiplier: number
  readonly softAntiAffinityWeightMultiplier: number
  /** `[scheduler] limit_tenants_to_placement_aggregate`, `placement_aggregate_required_for_tenants` */
  readonly limitTenantsToPlacementAggregate: boolean
  readonly placementAggregateRequiredForTenants: boolean
  /** `[scheduler] enable_isolated_aggregate_filtering` */
  readonly enableIsolatedAggregateFiltering: boolean
  /** `[scheduler] query_placement_for_image_type_support`, `image_metadata_prefilter` */
  readonly queryPlacementForImageTypeSupport: boolean
  readonly imageMetadataPrefilter: boolean
  /** `service_down_time` */
  readonly serviceDownTimeMs: number
  /** `default_availability_zone`: of hosts that are in no zone. */
  readonly defaultAvailabilityZone: string
  /** `default_schedule_zone`: of requests that name none. */
  readonly defaultScheduleZone: string | null
}

/** Nova's defaults. */
export const defaultSchedulerConfig: SchedulerConfig = {
  host: 'localhost',
  reportIntervalMs: 10_000,
  maxAttempts: 3,
  maxPlacementResults: 1000,
  enabledFilters: [
    'ComputeFilter',
    'ComputeCapabilitiesFilter',
    'ImagePropertiesFilter',
    'ServerGroupAntiAffinityFilter',
    'ServerGroupAffinityFilter',
  ],
  hostSubsetSize: 1,
  availableFilters: ['nova.scheduler.filters.all_filters'],
  maxInstancesPerHost: 50,
  maxIoOpsPerHost: 8,
  isolatedHosts: [],
  isolatedImages: [],
  restrictIsolatedHostsToIsolatedImages: true,
  imageIsolationNamespace: null,
  imageIsolationSeparator: '.',
  imagePropertiesDefaultArchitecture: null,
  ramWeightMultiplier: 1,
  cpuWeightMultiplier: 1,
  diskWeightMultiplier: 1,
  weightClasses: ['nova.scheduler.weights.all_weighers'],
  ioOpsWeightMultiplier: -1,
  numInstancesWeightMultiplier: 0,
  hypervisorVersionWeightMultiplier: 1,
  buildFailureWeightMultiplier: 1_000_000,
  crossCellMoveWeightMultiplier: 1_000_000,
  imagePropsWeightMultiplier: 0,
  imagePropsWeightSetting: [],
  softAffinityWeightMultiplier: 1,
  softAntiAffinityWeightMultiplier: 1,
  limitTenantsToPlacementAggregate: false,
  placementAggregateRequiredForTenants: false,
  enableIsolatedAggregateFiltering: false,
  queryPlacementForImageTypeSupport: false,
  imageMetadataPrefilter: false,
  serviceDownTimeMs: 60_000,
  defaultAvailabilityZone: 'nova',
  defaultScheduleZone: null,
}
