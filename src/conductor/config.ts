/** The conductor's options as plain values; cli reads them out of nova.conf. Times are in milliseconds. */

export interface ConductorConfig {
  /** `host`: what this conductor is called in the list of services. */
  readonly host: string
  /** `report_interval`: how often it says there that it lives. */
  readonly reportIntervalMs: number
  /** `[scheduler] max_attempts`: hosts tried for one build. */
  readonly maxAttempts: number
  /** `service_down_time`: a compute not heard of for so long is down. */
  readonly serviceDownTimeMs: number
  /** `shutdown_timeout`: how long a guest may take to shut down cleanly. */
  readonly shutdownTimeoutMs: number
  /** How long a compute may take to build a guest, image download included (`instance_build_timeout`, when it is not 0). */
  readonly buildTimeoutMs: number
  /** How long a compute may take to do anything else with a guest, beyond a shutdown. */
  readonly commandTimeoutMs: number
  /** How often a waiting operation looks by itself whether its command was answered or its host went down. */
  readonly commandPollMs: number
  /** Operations worked on at once; waiting ones do not count. */
  readonly concurrency: number
  /** How often to look for operations when no hint comes. */
  readonly pollMs: number
  /** How long a dead conductor's operations wait until another one takes over. */
  readonly leaseMs: number
  /** This conductor is the only one there is: what an earlier one left is taken over at once. */
  readonly sole: boolean
  /** How long closing waits for running steps. */
  readonly closeMs: number
  /** Tries of an undo, after waits of 1, 2, 4… times `undoDelayMs`; then it is left to repair. */
  readonly undoTries: number
  readonly undoDelayMs: number
  /** How often each repair task looks. */
  readonly repairMs: number
  /** Ended operations are kept so long. */
  readonly keepOperationsMs: number
  /** `[database] archive_deleted_after_days`: rows of deleted servers stay in place so long; 0: until somebody archives them. */
  readonly archiveDeletedMs: number
  /** `[database] purge_deleted_after_days`: and are archived until so long after; 0: until somebody purges them. */
  readonly purgeDeletedMs: number
  /** `reclaim_instance_interval`: how long a soft-deleted server can be restored; 0: for ever. */
  readonly reclaimAfterMs: number
  /** `shelved_offload_time`: how long a shelved server keeps its host; 0: for ever, or, of those shelved now, not at all. */
  readonly shelvedOffloadMs: number
  /** How long a volume that a server boots from may take to be made (`block_device_allocate_retries`). */
  readonly volumeWaitMs: number
  /** Volumes are made in their server's zone (`[cinder] cross_az_attach` is off). */
  readonly volumesInZone: boolean
  /** `enable_new_services`. */
  readonly enableNewServices: boolean
}

export const defaultConductorConfig: ConductorConfig = {
  host: 'localhost',
  reportIntervalMs: 10_000,
  maxAttempts: 3,
  serviceDownTimeMs: 60_000,
  shutdownTimeoutMs: 60_000,
  buildTimeoutMs: 1_800_000,
  commandTimeoutMs: 120_000,
  commandPollMs: 5_000,
  concurrency: 128,
  pollMs: 1_000,
  leaseMs: 6_000,
  sole: false,
  closeMs: 5_000,
  undoTries: 5,
  undoDelayMs: 1_000,
  repairMs: 60_000,
  keepOperationsMs: 86_400_000,
  archiveDeletedMs: 0,
  purgeDeletedMs: 0,
  reclaimAfterMs: 0,
  shelvedOffloadMs: 0,
  volumeWaitMs: 180_000,
  volumesInZone: false,
  enableNewServices: true,
}
