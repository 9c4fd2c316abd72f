/** Services: who runs where, is it up, may it be used. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { availabilityZones, listAggregates, removeAggregateHost } from '#db/aggregates.ts'
import { removeComputeNodes } from '#db/compute-nodes.ts'
import { listMigrations } from '#db/instance-migrations.ts'
import { listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import {
  findServiceOnHost,
  findService,
  getService,
  listServices as readServices,
  removeService as forgetService,
  updateService as changeService,
} from '#db/services.ts'
import { badRequest, conflict, type Fault, notFound } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import { isTrue } from '#lib/versioned/index.ts'
import type { Service } from '#model/host/index.ts'
import { serviceView, type ServiceContext } from './service.view.ts'
import { listServices, removeService, updateService } from './services.spec.ts'

/** Migrations that still have something on both hosts. */
const UNDER_WAY = [
  'accepted',
  'queued',
  'preparing',
  'pre-migrating',
  'migrating',
  'running',
  'post-migrating',
  'finished',
  'confirming',
  'reverting',
]

type Changes = Partial<Pick<Service, 'disabled' | 'disabledReason' | 'forcedDown'>>

interface UpdateBody {
  readonly host?: string | undefined
  readonly binary?: string | undefined
  readonly status?: 'enabled' | 'disabled' | undefined
  readonly disabled_reason?: string | undefined
  readonly forced_down?: boolean | string | undefined
}

/** The verbs of before 2.53, which stood where the id is now: what each changes, and what its answer tells. */
const VERBS: Readonly<Record<string, (body: UpdateBody) => { changes: Changes; tells: object }>> = {
  enable: () => ({ changes: { disabled: false, disabledReason: null }, tells: { status: 'enabled' } }),
  disable: () => ({ changes: { disabled: true, disabledReason: null }, tells: { status: 'disabled' } }),
  'disable-log-reason': ({ disabled_reason: reason }) => {
    if (reason === undefined) throw badRequest('Missing disabled reason field')
    return {
      changes: { disabled: true, disabledReason: reason },
      tells: { status: 'disabled', disabled_reason: reason },
    }
  },
  'force-down': ({ forced_down: forced }) => {
    if (forced === undefined) throw badRequest('Missing forced_down field')
    return { changes: { forcedDown: isTrue(forced) }, tells: { forced_down: isTrue(forced) } }
  },
}

/** What a request of 2.53 and later asks for; contradictions are a 400. */
function changesOf({ status, disabled_reason: reason, forced_down: forced }: UpdateBody): Changes {
  if (status === 'enabled' && reason !== undefined)
    throw badRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.")
  if (status === undefined && forced === undefined)
    throw badRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
  return {
    ...(status === 'enabled' && { disabled: false, disabledReason: null }),
    ...(status === 'disabled' && { disabled: true, disabledReason: reason ?? null }),
    ...(forced !== undefined && { forcedDown: isTrue(forced) }),
  }
}

function requireCompute(binary: string): void {
  if (binary !== 'nova-compute')
    throw badRequest(
      `Updating a ${binary} service is not supported. Only nova-compute services can be updated.`,
    )
}

/** Reads the id as the version has it: a uuid, or a number. */
function serviceId(id: string, byUuid: boolean): string | number {
  if (byUuid && !isUuidLike(id)) throw badRequest(`Invalid uuid ${id}`)
  if (!byUuid && !/^\d+$/.test(id)) throw badRequest('Invalid input received: id must be an integer')
  return byUuid ? id : Math.min(Number(id), Number.MAX_SAFE_INTEGER)
}

export function serviceRoutes({ db, clock, config, placement }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()
  const contextOf = async (): Promise<ServiceContext> => {
    const zones = await availabilityZones(nova)
    return {
      zoneOf: ({ binary, host }) =>
        binary === 'nova-compute'
          ? (zones.get(host) ?? config.defaultAvailabilityZone)
          : config.internalServiceAvailabilityZone,
      now: clock.now(),
      downAfterMs: config.serviceDownTimeMs,
    }
  }
  return [
    serve(listServices, async (call) => {
      const [host, binary] = [call.query.host?.at(-1), call.query.binary?.at(-1)]
      const found = await readServices(nova, { ...(host && { host }), ...(binary && { binary }) })
      const [render, context] = [call.render(serviceView), await contextOf()]
      return { body: { services: found.map((service) => render(service, context)) } }
    }),

    serve(updateService, async (call) => {
      const id = call.params.id ?? ''
      const now = clock.now()
      if (call.on.byUuid) {
        const service = await getService(nova, serviceId(id, true))
        requireCompute(service.binary)
        const changed = await changeService(nova, service.uuid, changesOf(call.body), { now })
        return { body: { service: call.render(serviceView)(changed, await contextOf()) } }
      }
      const verb = id === 'force-down' && !call.on.canForceDown ? undefined : VERBS[id]
      if (!verb) throw notFound('Unknown action')
      const { host = '', binary = '' } = call.body
      const { changes, tells } = verb(call.body)
      requireCompute(binary)
      const service = await findServiceOnHost(nova, host, binary)
      if (!service) throw await unknownService(host, binary)
      await changeService(nova, service.uuid, changes, { now })
      return { body: { service: { host, binary, ...tells } } }
    }),

    serve(removeService, async (call) => {
      const id = call.params.id ?? ''
      const service = await findService(nova, serviceId(id, call.on.byUuid))
      if (!service) throw notFound(`Service ${id} not found.`)
      if (service.binary === 'nova-compute') await forgetHost(service.host)
      await forgetService(nova, service.uuid)
      return {}
    }),
  ]

  /** A host without any service is one that no cell knows. */
  async function unknownService(host: string, binary: string): Promise<Fault> {
    const [neighbour] = await readServices(nova, { host })
    return neighbour
      ? notFound(`Could not find binary ${binary} on host ${host}.`)
      : notFound(`Host '${host}' is not mapped to any cell`)
  }

  /** A compute's nodes and places in aggregates go with it, and Placement forgets them; one that holds servers may not go. */
  async function forgetHost(host: string): Promise<void> {
    const [occupant] = await listInstances(nova, { host }, { limit: 1 })
    if (occupant)
      throw conflict(
        'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
      )
    const [move] = await listMigrations(nova, { host, statuses: UNDER_WAY }, { limit: 1 })
    if (move)
      throw conflict(
        'Unable to delete compute service that has in-progress migrations. Complete the migrations first.',
      )
    for (const aggregate of await listAggregates(nova, { host }))
      await removeAggregateHost(nova, aggregate.id, host, { now: clock.now() })
    for (const uuid of await removeComputeNodes(nova, host)) await placement.removeProvider(uuid)
  }
}
