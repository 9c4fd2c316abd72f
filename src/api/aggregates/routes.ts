/** Host aggregates: groups of hosts with metadata, of which some are availability zones. Placement is told who is in them. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { clientOf } from '#contracts/contract.ts'
import {
  AVAILABILITY_ZONE,
  getAggregate,
  insertAggregate,
  insertAggregateHost,
  listAggregates as readAggregates,
  removeAggregate as forgetAggregate,
  removeAggregateHost,
  updateAggregate as changeAggregate,
} from '#db/aggregates.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServiceOnHost } from '#db/services.ts'
import { badRequest, isFault, notFound } from '#lib/fault.ts'
import type { Aggregate } from '#model/host/index.ts'
import type { Image } from '#model/image/index.ts'
import type { Transaction } from 'kysely'
import { aggregateView, newAggregateView } from './aggregate.view.ts'
import {
  addHost,
  cacheImages,
  createAggregate,
  listAggregates,
  removeAggregate,
  removeHost,
  setMetadata,
  showAggregate,
  updateAggregate,
} from './aggregates.spec.ts'
import { refuse, requireZoneFits, requireZoneLeaves } from './zones.ts'

/** No number that is larger is given to an aggregate. */
const MAX_ID_DIGITS = 15

function aggregateId(params: Readonly<Record<string, string>>): number {
  const { id = '' } = params
  if (!/^\s*[+-]?\d+\s*$/.test(id)) throw badRequest('Invalid input received: id must be an integer')
  if (id.trim().length > MAX_ID_DIGITS) throw notFound(`Aggregate ${id} could not be found.`)
  return Number(id)
}

export function aggregateRoutes(services: Services): readonly Route[] {
  const { db, clock, config, ids } = services
  const nova = db.typed<NovaDb>()
  const zoneOf = config.defaultAvailabilityZone
  const inOne = <T>(work: (trx: Transaction<NovaDb>) => Promise<T>) => db.transaction<NovaDb, T>(work)
  const now = () => ({ now: clock.now() })
  // Nova says so in its answer to a change of metadata, though later looks tell of renames only.
  const justUpdated = (aggregate: Aggregate): Aggregate => ({ ...aggregate, updatedAt: clock.now() })

  return [
    serve(listAggregates, async (call) => {
      const render = call.render(aggregateView)
      const found = await readAggregates(nova)
      return { body: { aggregates: found.map((aggregate) => render(aggregate, undefined)) } }
    }),

    serve(createAggregate, async (call) => {
      const { name, availability_zone: zone } = call.body.aggregate
      const metadata: Record<string, string> = zone == null ? {} : { [AVAILABILITY_ZONE]: zone }
      const aggregate = await insertAggregate(nova, { uuid: ids.uuid(), name, metadata }, now())
      return { body: { aggregate: call.render(newAggregateView)(aggregate, undefined) } }
    }),

    serve(showAggregate, async (call) => {
      const aggregate = await getAggregate(nova, aggregateId(call.params))
      return { body: { aggregate: call.render(aggregateView)(aggregate, undefined) } }
    }),

    serve(updateAggregate, async (call) => {
      const id = aggregateId(call.params)
      const { name, availability_zone: zone } = call.body.aggregate
      const aggregate = await inOne(async (trx) => {
        const old = await getAggregate(trx, id)
        if (zone !== undefined) await requireZoneFits(trx, 'update', old, { zone, hosts: old.hosts }, zoneOf)
        const metadata: Record<string, string | null> =
          zone === undefined ? {} : { [AVAILABILITY_ZONE]: zone }
        return changeAggregate(trx, id, { ...(name !== undefined && { name }), metadata }, now())
      })
      return { body: { aggregate: call.render(aggregateView)(justUpdated(aggregate), undefined) } }
    }),

    serve(removeAggregate, async (call) => {
      const id = aggregateId(call.params)
      await inOne(async (trx) => {
        const aggregate = await getAggregate(trx, id)
        if (aggregate.hosts.length > 0) throw refuse('delete', aggregate, 'Host aggregate is not empty')
        await forgetAggregate(trx, id)
      })
      return {}
    }),

    serve(setMetadata, async (call) => {
      const id = aggregateId(call.params)
      const { metadata } = call.body.set_metadata
      const aggregate = await inOne(async (trx) => {
        const old = await getAggregate(trx, id)
        const zone = metadata[AVAILABILITY_ZONE]
        if (zone !== undefined)
          await requireZoneFits(trx, 'update metadata', old, { zone, hosts: old.hosts }, zoneOf)
        return changeAggregate(trx, id, { metadata }, now())
      })
      return { body: { aggregate: call.render(aggregateView)(justUpdated(aggregate), undefined) } }
    }),

    serve(addHost, async (call) => {
      const id = aggregateId(call.params)
      const { host } = call.body.add_host
      const aggregate = await inOne(async (trx) => {
        if (!(await findServiceOnHost(trx, host, 'nova-compute')))
          throw notFound(`Compute host ${host} could not be found.`)
        const old = await getAggregate(trx, id)
        const zone = old.metadata[AVAILABILITY_ZONE]
        if (zone !== undefined && !old.hosts.includes(host))
          await requireZoneFits(trx, 'add', old, { zone, hosts: [host] }, zoneOf)
        return insertAggregateHost(trx, id, host, now())
      })
      await tellPlacement(host, { add: aggregate.uuid })
      return { body: { aggregate: call.render(aggregateView)(aggregate, undefined) } }
    }),

    serve(removeHost, async (call) => {
      const id = aggregateId(call.params)
      const { host } = call.body.remove_host
      const aggregate = await inOne(async (trx) => {
        const [old] = (await readAggregates(trx, { host })).filter((each) => each.id === id)
        if (!old) throw notFound(`Cannot remove host ${host} in aggregate ${call.params.id ?? ''}`)
        await requireZoneLeaves(trx, old, host, zoneOf)
        return removeAggregateHost(trx, id, host, now())
      })
      await tellPlacement(host, { remove: aggregate.uuid })
      return { body: { aggregate: call.render(aggregateView)(aggregate, undefined) } }
    }),

    serve(cacheImages, async (call) => {
      const wanted = call.body.cache.map(({ id }) => id)
      if (new Set(wanted).size < wanted.length) throw badRequest('Duplicate images in request')
      const aggregate = await getAggregate(nova, aggregateId(call.params))
      const images: Image[] = []
      for (const id of wanted) {
        const image = await services.images.find(id, { token: call.token })
        if (!image) throw badRequest(`Image ${id} could not be found.`)
        images.push(image)
      }
      for (const host of aggregate.hosts)
        await clientOf(computeContract, computeTopic(host), services.bus).cacheImages.cast(
          { images },
          call.context.requestId,
        )
      return {}
    }),
  ]

  /** A host that Placement does not know yet, or cannot be told of, is told of later: the aggregate stands. */
  async function tellPlacement(
    host: string,
    change: { readonly add?: string; readonly remove?: string },
  ): Promise<void> {
    for (const { uuid } of await listComputeNodes(nova, { host })) {
      try {
        await services.placement.changeAggregates(uuid, change)
      } catch (error) {
        if (!isFault(error)) throw error
        services.log.warn({ err: error, host, ...change }, 'Placement was not told of an aggregate')
      }
    }
  }
}
