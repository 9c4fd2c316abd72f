/** Nodes whose compute said that it is disabled are not proposed. */
import type { RequestFilter } from './request-filter.ts'

export const computeStatus: RequestFilter = (query, request) =>
  request.spec.forceHost === null || request.spec.heedsFilters === true
    ? { ...query, forbiddenTraits: [...query.forbiddenTraits, 'COMPUTE_STATUS_DISABLED'] }
    : query
