/** What is asked of the scheduler, and what it looks at: plain data for filters and weighers. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import type { Aggregate, ComputeNode, Service } from '#model/host/index.ts'
import type { GroupPolicy } from '#model/server-group/index.ts'
import type { AllocationRequest } from '#neighbours/placement/port.ts'
import type { SchedulerConfig } from './config.ts'

/** One request, as filters see it. */
export interface SchedulingRequest {
  readonly spec: RequestSpec
  /** The zone asked for, or the one that requests without one get; null: any. */
  readonly availabilityZone: string | null
  readonly config: SchedulerConfig
  /** The server group of what is placed. */
  readonly group: GroupSight | undefined
  /** The hosts of servers that the request names, as far as they have one. */
  readonly hostOf: ReadonlyMap<string, string>
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** A server group, and how many of its servers each host holds: those being placed are not among them. */
export interface GroupSight {
  readonly policy: GroupPolicy
  /** For `anti-affinity`. */
  readonly maxServersPerHost: number
  readonly onHost: ReadonlyMap<string, number>
}

/** A compute node with what is known around it. */
export interface HostState {
  readonly node: ComputeNode
  /** Undefined when no nova-compute ever reported for the node's host. */
  readonly service: Service | undefined
  readonly availabilityZone: string
  readonly aggregates: readonly Aggregate[]
  /** How many servers it holds: counted, when a filter asks it; else as its compute said last. */
  readonly servers: number
  /** How many servers are being built on it, moved from it, copied. */
  readonly ioOps: number
}

/** A host that Placement proposed. */
export interface CandidateHost extends HostState {
  /** The ways to take what is asked for from it; the first is preferred. */
  readonly ways: readonly AllocationRequest[]
  /** How alike its servers are to the request, where that weighs. */
  readonly likeness?: number
  /** What is free of each resource class right now, over the whole tree of the host. */
  readonly free: Readonly<Record<string, number>>
}
