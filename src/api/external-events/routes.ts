/**
 * What neighbours tell of servers: that interfaces changed, a volume grew, a machine was switched. Each
 * event gets its own code; what follows of one that is taken happens after the answer.
 */
import { beginOperation } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import { listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { isFault } from '#lib/fault.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Instance } from '#model/instance/index.ts'
import { createExternalEvents } from './external-events.spec.ts'

type Event = Accepted<NonNullable<(typeof createExternalEvents)['spec']['body']>>['events'][number]

/** Says nothing without its tag: the volume, the power state, the device. */
const NEEDS_TAG: ReadonlySet<string> = new Set([
  'volume-extended',
  'power-update',
  'accelerator-request-bound',
  'volume-reimaged',
])

/** Which code an event gets: 404 of no server, 422 of one that is on no host. */
function codeOf(event: Event, instance: Instance | undefined): number {
  if (!instance) return 404
  if (NEEDS_TAG.has(event.name) && event.tag === undefined) return 400
  return instance.host === null ? 422 : 200
}

/** What a machine that was switched makes of its server. */
const SWITCHED = {
  POWER_ON: { vmState: 'stopped', operation: 'start', saga: 'start-server' },
  POWER_OFF: { vmState: 'active', operation: 'stop', saga: 'stop-server' },
} as const

export function externalEventRoutes(services: Services): readonly Route[] {
  const nova = services.db.typed<NovaDb>()
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, services.bus)

  /** A server that is in that state already, or may not be asked now, stays as it is. */
  async function switched(
    call: Pick<Call<unknown, unknown, never>, 'context' | 'isAdmin'>,
    instance: Instance,
    tag: string,
  ): Promise<void> {
    const way = Object.hasOwn(SWITCHED, tag) ? SWITCHED[tag as keyof typeof SWITCHED] : undefined
    if (!way || instance.vmState !== way.vmState) return
    const { operation, saga } = way
    try {
      await beginOperation(call, services, {
        instance,
        operations: [operation],
        action: operation,
        saga,
        params: {},
      })
    } catch (error) {
      if (!isFault(error, 'conflict', 'notFound')) throw error
      services.log.info({ instance: instance.uuid, tag, err: error }, 'a power update changes nothing')
    }
  }

  return [
    serve(createExternalEvents, async (call) => {
      const { events } = call.body
      const uuids = [...new Set(events.map((event) => event.server_uuid))]
      const found = new Map((await listInstances(nova, { uuids })).map((each) => [each.uuid, each]))
      const answered = events.map((event) => {
        const instance = found.get(event.server_uuid)
        return { event, instance, code: codeOf(event, instance) }
      })
      const taken = answered.flatMap(({ event, instance, code }) =>
        instance && code === 200 ? [{ event, instance }] : [],
      )
      const changed = new Set(
        taken.filter(({ event }) => event.name.startsWith('network-')).map(({ instance }) => instance.uuid),
      )
      if (changed.size > 0)
        await conductor.networksChanged.cast({ instanceUuids: [...changed] }, call.context.requestId)
      for (const { event, instance } of taken) {
        services.log.info({ instance: instance.uuid, event: event.name, tag: event.tag }, 'external event')
        if (event.name === 'power-update') await switched(call, instance, event.tag ?? '')
      }
      return {
        status: answered.every(({ code }) => code === 200) ? 200 : 207,
        body: {
          events: answered.map(({ event, code }) => ({
            ...event,
            status: code === 200 ? 'completed' : 'failed',
            code,
          })),
        },
      }
    }),
  ]
}
