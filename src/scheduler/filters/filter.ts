/** What a filter is: a pure question about each host of a request. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import type { CandidateHost, SchedulingRequest } from '../request.ts'

/** Why the host may not be used, for an operator; undefined when it may. */
export type Judge = (host: CandidateHost) => string | undefined

export interface Filter {
  /** Nova's name for it, by which it is enabled. */
  readonly name: string
  /** The judge of a request's hosts; undefined when the request asks nothing of this filter. */
  judge(request: SchedulingRequest): Judge | undefined
  /** What a user is told of `count` hosts that were refused: no host is named. */
  tell(count: number, request: SchedulingRequest): string
  /** The servers whose hosts it has to know. */
  servers?(spec: RequestSpec): readonly string[]
  /** What of each host must be counted anew for every request. */
  readonly counts?: readonly ('servers' | 'ioOps')[]
  /** Placing a server may change its answer about the next one of the same request: to a server of a group, or to any. */
  readonly asksAgain?: 'in groups' | 'always'
}

export const are = (count: number): string => (count === 1 ? '1 is' : `${count} are`)

/** `1 holds`, `2 hold`. */
export const hold = (count: number): string => (count === 1 ? '1 holds' : `${count} hold`)
