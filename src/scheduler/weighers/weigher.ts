/** What a weigher is: a number a host, and how much it counts. */
import type { SchedulerConfig } from '../config.ts'
import type { CandidateHost, GroupSight } from '../request.ts'

export interface Weigher {
  readonly name: string
  /** The larger, the better. */
  weigh(host: CandidateHost, group: GroupSight | undefined): number
  multiplier(config: SchedulerConfig): number
  /** The key under which aggregates of a host override the multiplier. */
  readonly overrideKey: string
  /** The value that counts as 0; the lowest of the hosts when left out. */
  readonly minimum?: number
}
