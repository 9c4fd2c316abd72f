/** What a weigher is: a number a host, and how much it counts. */
import type { SchedulerConfig } from '../config.ts'
import type { CandidateHost, SchedulingRequest } from '../request.ts'

/** What of a request weighing goes by. */
export type Weighed = Pick<SchedulingRequest, 'config' | 'group'>

export interface Weigher {
  /** The last word of Nova's name for it, by which `weight_classes` lists it. */
  readonly name: string
  /** The larger, the better. */
  weigh(host: CandidateHost, request: Weighed): number
  multiplier(config: SchedulerConfig): number
  /** The key under which aggregates of a host override the multiplier. */
  readonly overrideKey: string
  /** The multiplier, also that of aggregates, is taken negatively. */
  readonly countsAgainst?: true
  /** The value that counts as 0, as does what is below it; the lowest of the hosts when left out. */
  readonly minimum?: number
}
