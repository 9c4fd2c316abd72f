/** Availability zones: which there are, whether any host in them works, and for admins which. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { availabilityZones } from '#db/aggregates.ts'
import type { NovaDb } from '#db/schema.ts'
import { listServices } from '#db/services.ts'
import { isoMicroseconds } from '#lib/iso-time.ts'
import { operation, query } from '#lib/versioned/index.ts'
import { isServiceUp, type Service } from '#model/host/index.ts'

const RULE = 'os_compute_api:os-availability-zone'

export const listZones = operation({
  path: 'GET /os-availability-zone',
  policy: `${RULE}:list`,
  query: query({}, { strictSince: '2.102' }),
})
export const listZonesDetail = operation({
  path: 'GET /os-availability-zone/detail',
  policy: `${RULE}:detail`,
  query: query({}, { strictSince: '2.102' }),
})

interface Zone {
  readonly name: string
  /** The services that may be used; a zone without any is not available. */
  readonly enabled: readonly Service[]
}

export function availabilityZoneRoutes({ db, clock, config }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  async function zones(): Promise<Zone[]> {
    const [services, zoneOfHost] = [await listServices(nova), await availabilityZones(nova)]
    const zoneOf = ({ binary, host }: Service): string =>
      binary === 'nova-compute'
        ? (zoneOfHost.get(host) ?? config.defaultAvailabilityZone)
        : config.internalServiceAvailabilityZone
    const all = [...Map.groupBy(services, zoneOf)].map(([name, members]) => ({
      name,
      enabled: members.filter((service) => !service.disabled),
    }))
    const isAvailable = ({ enabled }: Zone): boolean => enabled.length > 0
    return [...all.filter(isAvailable), ...all.filter((zone) => !isAvailable(zone))]
  }

  const stateOf = ({ name, enabled }: Zone) => ({
    zoneName: name,
    zoneState: { available: enabled.length > 0 },
  })

  const hostsOf = ({ enabled }: Zone) =>
    Object.fromEntries(
      [...Map.groupBy(enabled, ({ host }) => host)].map(([host, services]) => [
        host,
        Object.fromEntries(services.map((service) => [service.binary, serviceState(service)])),
      ]),
    )

  const serviceState = (service: Service) => ({
    available: isServiceUp(service, clock.now(), config.serviceDownTimeMs),
    active: !service.disabled,
    updated_at: service.lastSeenUp === null ? null : isoMicroseconds(service.lastSeenUp),
  })

  return [
    serve(listZones, async () => {
      const shown = (await zones()).filter(({ name }) => name !== config.internalServiceAvailabilityZone)
      return { body: { availabilityZoneInfo: shown.map((zone) => ({ ...stateOf(zone), hosts: null })) } }
    }),
    serve(listZonesDetail, async () => ({
      body: {
        availabilityZoneInfo: (await zones()).map((zone) => ({
          ...stateOf(zone),
          hosts: zone.enabled.length > 0 ? hostsOf(zone) : null,
        })),
      },
    })),
  ]
}
