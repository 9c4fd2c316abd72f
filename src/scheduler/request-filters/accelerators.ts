/** A flavor with a device profile needs a node that takes accelerators. */
import type { RequestFilter } from './request-filter.ts'

export const accelerators: RequestFilter = (query, request) =>
  request.spec.flavor.extraSpecs['accel:device_profile'] === undefined
    ? query
    : { ...query, requiredTraits: [...query.requiredTraits, 'COMPUTE_ACCELERATORS'] }
