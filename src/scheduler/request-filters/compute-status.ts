/** Nodes whose compute said that it is disabled are not proposed, not even to an admin who forces the host of a new server. */
import type { RequestFilter } from './request-filter.ts'

export const computeStatus: RequestFilter = (query, request) =>
  request.spec.evenDisabled === true
    ? query
    : { ...query, forbiddenTraits: [...query.forbiddenTraits, 'COMPUTE_STATUS_DISABLED'] }
