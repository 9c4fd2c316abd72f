/** Hosts of other zones than the one asked for. Always on, as zones are in Nova. */
import { are, type Filter } from './filter.ts'

export const availabilityZone: Filter = {
  name: 'AvailabilityZoneFilter',
  refuse({ availabilityZone: zone }, { availabilityZone: wanted }) {
    if (wanted === null || zone === wanted) return undefined
    return `is in availability zone ${zone}, not in ${wanted}`
  },
  tell: (count, { availabilityZone: wanted }) => `${are(count)} not in availability zone ${wanted ?? ''}`,
}
