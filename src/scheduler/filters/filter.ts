/** What a filter is: a pure question about one host. */
import type { CandidateHost, SchedulingRequest } from '../request.ts'

export interface Filter {
  /** Nova's name for it, by which it is enabled. */
  readonly name: string
  /** Why the host may not be used, for an operator; undefined when it may. */
  refuse(host: CandidateHost, request: SchedulingRequest): string | undefined
  /** What a user is told of `count` hosts that were refused: no host is named. */
  tell(count: number, request: SchedulingRequest): string
}

export const are = (count: number): string => (count === 1 ? '1 is' : `${count} are`)
