/** Hosts of other zones than the one asked for. Always on, as zones are in Nova. */
import { are, type Filter } from './filter.ts'

export const availabilityZone: Filter = {
  name: 'AvailabilityZoneFilter',
  judge({ availabilityZone: wanted }) {
    if (wanted === null) return undefined
    return ({ availabilityZone: zone }) =>
      zone === wanted ? undefined : `is in availability zone ${zone}, not in ${wanted}`
  },
  tell: (count, { availabilityZone: wanted }) => `${are(count)} not in availability zone ${wanted ?? ''}`,
}
