/** Hosts whose nova-compute is enabled, not forced down, and was heard of in time. */
import { isServiceUp } from '#model/host/index.ts'
import { are, type Filter } from './filter.ts'

export const computeEnabled: Filter = {
  name: 'ComputeFilter',
  refuse({ service }, { config, now }) {
    if (service === undefined) return 'no nova-compute has reported for it'
    if (service.disabled) return `is disabled${service.disabledReason ? `: ${service.disabledReason}` : ''}`
    if (service.forcedDown) return 'is forced down'
    if (isServiceUp(service, now, config.serviceDownTimeMs)) return undefined
    if (service.lastSeenUp === null) return 'was never heard of'
    return `was last heard of ${Math.round((now - service.lastSeenUp) / 1000)} s ago`
  },
  tell: (count) => `${are(count)} disabled or down`,
}
