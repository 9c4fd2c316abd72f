/** How a service looks in answers. */
import { isoMicroseconds } from '#lib/iso-time.ts'
import { shownDuring, shownSince, view } from '#lib/versioned/index.ts'
import { isServiceUp, type Service } from '#model/host/index.ts'

export interface ServiceContext {
  /** The availability zone of a service. */
  zoneOf(service: Service): string
  readonly now: number
  readonly downAfterMs: number
}

export const serviceView = view<Service, ServiceContext>({
  id: shownDuring<Service, ServiceContext>({
    '..2.52': (service) => service.id,
    '2.53..': (service) => service.uuid,
  }),
  binary: (service) => service.binary,
  host: (service) => service.host,
  zone: (service, { zoneOf }) => zoneOf(service),
  status: (service) => (service.disabled ? 'disabled' : 'enabled'),
  state: (service, { now, downAfterMs }) => (isServiceUp(service, now, downAfterMs) ? 'up' : 'down'),
  updated_at: (service) => {
    const at = Math.max(service.lastSeenUp ?? 0, service.updatedAt ?? 0)
    return at > 0 ? isoMicroseconds(at) : null
  },
  disabled_reason: (service) => service.disabledReason,
  forced_down: shownSince('2.11', (service) => service.forcedDown),
})
