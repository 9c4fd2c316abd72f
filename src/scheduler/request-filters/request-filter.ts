/** What a request filter is: it narrows what is asked of Placement, before any host is looked at. */
import type { CandidateQuery } from '#neighbours/placement/port.ts'
import type { SchedulingRequest } from '../request.ts'
import type { Snapshot } from '../snapshot.ts'

export type RequestFilter = (
  query: CandidateQuery,
  request: SchedulingRequest,
  snapshot: Snapshot,
) => CandidateQuery
