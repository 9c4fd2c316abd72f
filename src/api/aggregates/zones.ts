/**
 * What an aggregate's availability zone may not do: hosts are in one zone at most, and servers never find
 * themselves in another one than they were put in.
 */
import { AVAILABILITY_ZONE, listAggregates } from '#db/aggregates.ts'
import { listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict, type Fault } from '#lib/fault.ts'
import type { Aggregate } from '#model/host/index.ts'
import type { Transaction } from 'kysely'

type Trx = Transaction<NovaDb>

/** What is being done, as Nova's refusals name it, and which answer that is. */
export type Doing = 'add' | 'remove' | 'update' | 'update metadata' | 'delete'

const REFUSALS: Readonly<Record<Doing, { what: string; fault: (message: string) => Fault }>> = {
  add: { what: 'Cannot add host to', fault: conflict },
  remove: { what: 'Cannot remove host from', fault: conflict },
  delete: { what: 'Cannot remove host from', fault: badRequest },
  update: { what: 'Cannot update', fault: badRequest },
  'update metadata': { what: 'Cannot update metadata of', fault: badRequest },
}

export const refuse = (doing: Doing, aggregate: Aggregate, reason: string): Fault =>
  REFUSALS[doing].fault(`${REFUSALS[doing].what} aggregate ${aggregate.id}. Reason: ${reason}.`)

/** Throws when the hosts may not be in `zone` by this aggregate: another one puts them elsewhere, or they hold servers. */
export async function requireZoneFits(
  trx: Trx,
  doing: Doing,
  aggregate: Aggregate,
  { zone, hosts }: { readonly zone: string | null; readonly hosts: readonly string[] },
  defaultZone: string,
): Promise<void> {
  if (zone === null || zone === '')
    throw refuse(
      doing,
      aggregate,
      `Aggregate ${aggregate.name} does not support empty named availability zone`,
    )
  const others = (await listAggregates(trx)).filter(
    ({ id, hosts: members, metadata }) =>
      id !== aggregate.id &&
      metadata[AVAILABILITY_ZONE] !== undefined &&
      members.some((host) => hosts.includes(host)),
  )
  const conflicting = others
    .map(({ metadata }) => metadata[AVAILABILITY_ZONE] ?? '')
    .filter((other) => other !== zone)
  if (conflicting.length > 0) {
    const names = conflicting.map((name) => `'${name}'`).join(', ')
    throw refuse(doing, aggregate, `One or more hosts already in availability zone(s) [${names}]`)
  }
  const own = doing === 'add' ? undefined : aggregate.metadata[AVAILABILITY_ZONE]
  const moving = hosts.filter((host) => (own ?? zoneBy(others, host) ?? defaultZone) !== zone)
  await requireNoServers(trx, doing, aggregate, moving)
}

/** Throws when the host, taken out of the aggregate, would take its servers into another zone. */
export async function requireZoneLeaves(
  trx: Trx,
  aggregate: Aggregate,
  host: string,
  defaultZone: string,
): Promise<void> {
  const zone = aggregate.metadata[AVAILABILITY_ZONE]
  if (zone === undefined) return
  const others = (await listAggregates(trx, { host })).filter(({ id }) => id !== aggregate.id)
  if ((zoneBy(others, host) ?? defaultZone) !== zone) await requireNoServers(trx, 'remove', aggregate, [host])
}

const zoneBy = (aggregates: readonly Aggregate[], host: string): string | undefined =>
  aggregates.find(({ hosts, metadata }) => hosts.includes(host) && metadata[AVAILABILITY_ZONE] !== undefined)
    ?.metadata[AVAILABILITY_ZONE]

async function requireNoServers(
  trx: Trx,
  doing: Doing,
  aggregate: Aggregate,
  hosts: readonly string[],
): Promise<void> {
  const [server] = hosts.length > 0 ? await listInstances(trx, { hosts }, { limit: 1 }) : []
  if (server) throw refuse(doing, aggregate, 'One or more hosts contain instances in this zone')
}
