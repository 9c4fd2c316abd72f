/**
 * What the scheduler knows of hosts. Services and aggregates are few and read anew for each request, by
 * one read for all requests that wait; nodes change seldom in what filters look at and are kept a while.
 */
import type { Kysely } from 'kysely'
import type { Database } from '#db/kit/index.ts'
import { listAggregates } from '#db/aggregates.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import { countBusyOnHosts, countOnHosts } from '#db/instance-places.ts'
import type { NovaDb } from '#db/schema.ts'
import { listServices } from '#db/services.ts'
import type { Clock } from '#lib/clock.ts'
import type { Aggregate, ComputeNode, Service } from '#model/host/index.ts'
import type { HostState } from './request.ts'

export interface Snapshot {
  /** By the node's uuid, which is its resource provider's. */
  readonly hosts: ReadonlyMap<string, HostState>
  readonly aggregates: readonly Aggregate[]
}

/** How many servers of a kind are on each host; of hosts that are not there, none. */
export interface Loads {
  /** Left out: what the computes said last. */
  readonly servers?: ReadonlyMap<string, number>
  readonly ioOps?: ReadonlyMap<string, number>
}

/** Puts what was read together. A host belongs to the zone of the first of its aggregates that names one. */
export function snapshotOf(
  nodes: readonly ComputeNode[],
  services: readonly Service[],
  aggregates: readonly Aggregate[],
  defaultZone: string,
  { servers, ioOps }: Loads = {},
): Snapshot {
  const serviceOf = new Map(services.map((service) => [service.host, service]))
  const aggregatesOf = new Map<string, Aggregate[]>()
  for (const aggregate of aggregates) {
    for (const host of aggregate.hosts) {
      const own = aggregatesOf.get(host)
      if (own) own.push(aggregate)
      else aggregatesOf.set(host, [aggregate])
    }
  }
  const hosts = nodes.map((node): [string, HostState] => {
    const own = aggregatesOf.get(node.host) ?? []
    const zone = own.find((aggregate) => aggregate.metadata.availability_zone !== undefined)
    const availabilityZone = zone?.metadata.availability_zone ?? defaultZone
    return [
      node.uuid,
      {
        node,
        service: serviceOf.get(node.host),
        availabilityZone,
        aggregates: own,
        servers: servers ? (servers.get(node.host) ?? 0) : node.runningVms,
        ioOps: ioOps?.get(node.host) ?? 0,
      },
    ]
  })
  return { hosts: new Map(hosts), aggregates }
}

export interface Snapshots {
  /** A snapshot no older than this call, but for nodes that were known before. */
  take(): Promise<Snapshot>
  /** The same with all nodes read anew: for a provider that is no known node. */
  refresh(): Promise<Snapshot>
}

const NODES_KEPT_MS = 1_000

const COUNTS: Readonly<Record<keyof Loads, (db: Kysely<NovaDb>) => Promise<ReadonlyMap<string, number>>>> = {
  servers: countOnHosts,
  ioOps: countBusyOnHosts,
}

/** What to count of each host: for every request anew, or as often as nodes are read. */
export type Counting = Readonly<Partial<Record<keyof Loads, 'each time' | 'now and then'>>>

export function createSnapshots(options: {
  readonly db: Database
  readonly clock: Clock
  readonly defaultAvailabilityZone: string
  readonly counting?: Counting
  /** How many servers are on their way to each host: they count as if they were there. */
  readonly underWay?: () => Promise<ReadonlyMap<string, number>>
}): Snapshots {
  const db = options.db.typed<NovaDb>()
  const { counting = {} } = options
  const isCounted = Object.values(counting).includes('each time')
  let nodes: { readonly rows: readonly ComputeNode[]; readonly loads: Loads; readonly at: number } | undefined
  let waiting: Promise<Snapshot> | undefined
  let running: Promise<unknown> = Promise.resolve()

  const count = async (when: Counting[keyof Loads]): Promise<Loads> => {
    const loads: { -readonly [name in keyof Loads]: Loads[name] } = {}
    for (const name of ['servers', 'ioOps'] as const)
      if (counting[name] === when) loads[name] = await COUNTS[name](db)
    return loads
  }
  const read = async (): Promise<Snapshot> => {
    const now = options.clock.now()
    if (nodes === undefined || now - nodes.at >= NODES_KEPT_MS)
      nodes = { rows: await listComputeNodes(db), loads: await count('now and then'), at: now }
    const { rows, loads } = nodes
    const services = await listServices(db, { binary: 'nova-compute' })
    const aggregates = await listAggregates(db)
    // Asked before the counts: who arrives in between is counted twice rather than never.
    const coming = isCounted ? await options.underWay?.() : undefined
    const fresh = { ...loads, ...withComing(await count('each time'), coming) }
    return snapshotOf(rows, services, aggregates, options.defaultAvailabilityZone, fresh)
  }
  /** Whoever asks while a read runs gets the next one, together with all others who ask meanwhile. */
  const take = (): Promise<Snapshot> => {
    if (waiting) return waiting
    const mine = running.then(() => {
      waiting = undefined
      return read()
    })
    waiting = mine
    running = mine.catch(() => undefined)
    return mine
  }
  return {
    take,
    refresh() {
      nodes = undefined
      return take()
    },
  }
}

/** The counts when those who are on their way have arrived. */
export function withComing(loads: Loads, coming: ReadonlyMap<string, number> = new Map()): Loads {
  const added = (counts: ReadonlyMap<string, number> | undefined) =>
    counts &&
    new Map([
      ...counts,
      ...[...coming].map(([host, more]) => [host, (counts.get(host) ?? 0) + more] as const),
    ])
  const [servers, ioOps] = [added(loads.servers), added(loads.ioOps)]
  return { ...(servers && { servers }), ...(ioOps && { ioOps }) }
}
