/** Where a server is to go: the zone, and for admins the host and node. */
import type { Call, Services } from '#api/kernel/index.ts'
import { availabilityZones } from '#db/aggregates.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServiceOnHost, listServices } from '#db/services.ts'
import { badRequest } from '#lib/fault.ts'

export interface Destination {
  /** As asked for, or as configured; null is anywhere. */
  readonly zone: string | null
  readonly host: string | null
  readonly node: string | null
  /** Asked for by name, the host must do as any other; forced by `zone:host:node`, it need only have room. */
  readonly heedsFilters: boolean
}

export interface Wish {
  readonly availability_zone?: string | undefined
  readonly host?: string | undefined
  readonly hypervisor_hostname?: string | undefined
}

/** `zone`, `zone:host`, `zone:host:node` or `zone::node`. */
function parseZone(text: string | undefined): Destination {
  const parts = text?.split(':') ?? []
  if (parts.length > 3) throw badRequest('Invalid input received: Unable to parse availability_zone')
  const [zone, host, node] = parts.map((part) => (part === '' ? null : part.trim()))
  return { zone: zone ?? null, host: host ?? null, node: node ?? null, heedsFilters: false }
}

/** Reads the wish and asks the rules for it. Forcing a host by zone and naming one beside are not done together. */
export async function destinationOf(
  call: Call<unknown, unknown, never>,
  { db, config }: Services,
  wish: Wish,
): Promise<Destination> {
  const parsed = parseZone(wish.availability_zone)
  const forced = parsed.host !== null || parsed.node !== null
  if (forced) call.enforce('os_compute_api:servers:create:forced_host', {})
  const zone = parsed.zone ?? config.defaultScheduleZone
  if (wish.host === undefined && wish.hypervisor_hostname === undefined) return { ...parsed, zone }
  call.enforce('compute:servers:create:requested_destination')
  if (forced) {
    const ways =
      'One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node'
    throw badRequest(`${ways} are mutually exclusive.`)
  }
  const nova = db.typed<NovaDb>()
  const { host = null, hypervisor_hostname: node = null } = wish
  if (host !== null && !(await findServiceOnHost(nova, host, 'nova-compute'))) throw noHost(host)
  if (node !== null) {
    const nodes = await listComputeNodes(nova, host === null ? { hostnameContains: node } : { host })
    if (!nodes.some((candidate) => candidate.hypervisorHostname === node)) throw noHost(host ?? node)
  }
  return { zone, host, node, heedsFilters: true }
}

const noHost = (name: string) => badRequest(`Compute host ${name} could not be found.`)

/** Throws when no enabled compute is in the zone. A forced host is the admin's own affair. */
export async function checkZone({ db, config }: Services, destination: Destination): Promise<void> {
  const { zone, host, node, heedsFilters } = destination
  if (zone === null || (!heedsFilters && (host !== null || node !== null))) return
  const nova = db.typed<NovaDb>()
  const [services, zones] = await Promise.all([
    listServices(nova, { binary: 'nova-compute', disabled: false }),
    availabilityZones(nova),
  ])
  if (services.some((service) => (zones.get(service.host) ?? config.defaultAvailabilityZone) === zone)) return
  throw badRequest('The requested availability zone is not available')
}
