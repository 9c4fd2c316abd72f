/** A compute host's services and nodes, as Nova keeps them. */

/** A row of `os-services`. Times are milliseconds since the epoch. */
export interface Service {
  readonly id: number
  readonly uuid: string
  readonly binary: string
  readonly host: string
  readonly topic: string
  readonly disabled: boolean
  readonly disabledReason: string | null
  readonly forcedDown: boolean
  readonly lastSeenUp: number | null
  readonly version: number
  readonly createdAt: number
  readonly updatedAt: number | null
}

/** A row of `os-hypervisors`: one node of a compute host, and what it has. */
export interface ComputeNode {
  readonly id: number
  readonly uuid: string
  readonly host: string
  readonly hypervisorHostname: string
  readonly hypervisorType: string
  readonly hypervisorVersion: number
  readonly hostIp: string
  readonly vcpus: number
  readonly vcpusUsed: number
  readonly memoryMb: number
  readonly memoryMbUsed: number
  readonly localGb: number
  readonly localGbUsed: number
  readonly diskAvailableLeast: number | null
  readonly runningVms: number
  /** How many builds failed there since the last that succeeded; left out by who does not count them. */
  readonly failedBuilds?: number
  /** Nova's `cpu_info`: arch, model, vendor, topology, features. */
  readonly cpuInfo: Readonly<Record<string, unknown>>
  /** `[arch, hypervisor type, vm mode]` that guests may ask for. */
  readonly supportedInstances: readonly (readonly [string, string, string])[]
  readonly uptimeSeconds: number | null
  readonly cpuAllocationRatio: number
  readonly ramAllocationRatio: number
  readonly diskAllocationRatio: number
  readonly traits: readonly string[]
  readonly createdAt: number
  readonly updatedAt: number | null
}

/** A host aggregate. Its availability zone, if it is one, is `metadata.availability_zone`. */
export interface Aggregate {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly hosts: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: number
  readonly updatedAt: number | null
}

/**
 * Whether a service counts as up: heard of within `downAfterMs`, and not forced down. Who was heard of after `now` is up:
 * `now` may be a past time to judge by, and clocks differ.
 */
export const isServiceUp = (
  service: Pick<Service, 'forcedDown' | 'lastSeenUp'>,
  now: number,
  downAfterMs: number,
): boolean => !service.forcedDown && service.lastSeenUp !== null && now - service.lastSeenUp <= downAfterMs
