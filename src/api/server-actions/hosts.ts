/** What an action must know of hosts: whether one is there, and whether its compute answers. */
import type { Services } from '#api/kernel/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServiceOnHost } from '#db/services.ts'
import { conflict } from '#lib/fault.ts'
import { isServiceUp, type Service } from '#model/host/index.ts'

export const computeOn = ({ db }: Services, host: string): Promise<Service | undefined> =>
  findServiceOnHost(db.typed<NovaDb>(), host, 'nova-compute')

export async function isHostUp(services: Services, host: string): Promise<boolean> {
  const service = await computeOn(services, host)
  const { clock, config } = services
  return service !== undefined && isServiceUp(service, clock.now(), config.serviceDownTimeMs)
}

/** Throws Nova's 409 when the host's compute does not answer. */
export async function requireHostUp(services: Services, host: string | null): Promise<void> {
  if (host !== null && !(await isHostUp(services, host)))
    throw conflict('Service is unavailable at this time.')
}
