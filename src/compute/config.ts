/** The compute's options as plain values; cli reads them out of nova.conf. Times are in milliseconds. */

export interface ComputeConfig {
  /** `my_ip`: what the API shows as the hypervisor's address. */
  readonly myIp: string
  /** The node's name; the host's when not set. */
  readonly hypervisorHostname?: string
  /** `report_interval`: between heartbeats. */
  readonly reportIntervalMs: number
  /** `update_resources_interval`: between looks at what the host has. */
  readonly updateResourcesIntervalMs: number
  /** `sync_power_state_interval`: between comparisons of guests with what the conductor expects. */
  readonly syncPowerStateIntervalMs: number
  /** Between questions for commands whose hint was lost. */
  readonly commandPollMs: number
  /** How much later what commands changed, and what was missed meanwhile, is told, together. */
  readonly catchUpMs: number
  /** `max_concurrent_builds`; 0 is without limit. */
  readonly maxConcurrentBuilds: number
  /** `shutdown_timeout`: how long guests have to shut down when all are stopped. */
  readonly shutdownTimeoutMs: number
  /** `resume_guests_state_on_host_boot`. */
  readonly resumeGuests: boolean
  /** `running_deleted_instance_action`: what becomes of guests whose server is gone. */
  readonly deletedGuestAction: 'noop' | 'log' | 'shutdown' | 'reap'
  /** `[image_cache] manager_interval`: between looks for images that no guest needs any more. */
  readonly imageCacheIntervalMs: number
  /** `[image_cache] remove_unused_base_images`: whether they go, or are only told of. */
  readonly removeUnusedImages: boolean
  /** `[image_cache] remove_unused_original_minimum_age_seconds`. */
  readonly unusedImageMs: number
  /** `[image_cache] remove_unused_resized_minimum_age_seconds`. */
  readonly unusedResizedImageMs: number
  /** `force_config_drive`. */
  readonly forceConfigDrive: boolean
  /** `[api] dhcp_domain`: the domain in guests' host names. */
  readonly dhcpDomain: string
  /** How long a close waits for commands under way: they are done again after the next start. */
  readonly closeTimeoutMs: number
  readonly reservedHostCpus: number
  readonly reservedHostMemoryMb: number
  readonly reservedHostDiskMb: number
  /** `*_allocation_ratio`, or `initial_*_allocation_ratio` where it is not set. */
  readonly cpuAllocationRatio: number
  readonly ramAllocationRatio: number
  readonly diskAllocationRatio: number
}

/** Nova's defaults, but for the poll intervals, which are ours. */
export const defaultComputeConfig: ComputeConfig = {
  myIp: '127.0.0.1',
  reportIntervalMs: 10_000,
  updateResourcesIntervalMs: 60_000,
  syncPowerStateIntervalMs: 600_000,
  commandPollMs: 15_000,
  catchUpMs: 5_000,
  maxConcurrentBuilds: 10,
  shutdownTimeoutMs: 60_000,
  resumeGuests: false,
  deletedGuestAction: 'reap',
  imageCacheIntervalMs: 2_400_000,
  removeUnusedImages: true,
  unusedImageMs: 86_400_000,
  unusedResizedImageMs: 3_600_000,
  forceConfigDrive: false,
  dhcpDomain: 'novalocal',
  closeTimeoutMs: 10_000,
  reservedHostCpus: 0,
  reservedHostMemoryMb: 512,
  reservedHostDiskMb: 0,
  cpuAllocationRatio: 4,
  ramAllocationRatio: 1,
  diskAllocationRatio: 1,
}
