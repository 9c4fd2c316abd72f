/** Hosts whose nova-compute is enabled, not forced down, and was heard of in time. */
import { isServiceUp, type Service } from '#model/host/index.ts'
import { are, type Filter } from './filter.ts'

export const computeEnabled: Filter = {
  name: 'ComputeFilter',
  judge:
    ({ config, now }) =>
    ({ service }) => {
      if (service === undefined) return 'no nova-compute has reported for it'
      if (service.disabled) return whyDisabled(service)
      if (service.forcedDown) return 'is forced down'
      if (isServiceUp(service, now, config.serviceDownTimeMs)) return undefined
      if (service.lastSeenUp === null) return 'was never heard of'
      return `was last heard of ${Math.round((now - service.lastSeenUp) / 1000)} s ago`
    },
  tell: (count) => `${are(count)} disabled or down`,
}

const whyDisabled = ({ disabledReason }: Service): string =>
  `is disabled${disabledReason ? `: ${disabledReason}` : ''}`

/** What Nova has Placement say by `COMPUTE_STATUS_DISABLED`: who forces a new server's host forces no disabled one. */
export const computeStatus: Filter = {
  name: 'ComputeStatus',
  judge({ spec }) {
    if (spec.evenDisabled === true) return undefined
    return ({ service }) => (service?.disabled ? whyDisabled(service) : undefined)
  },
  tell: (count) => `${are(count)} disabled`,
}
