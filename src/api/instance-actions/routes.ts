/** What was done to an instance, by whom, and how each step of it went. */
import { visibleInstance } from '#api/instances/index.ts'
import { limitOf, markerOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import {
  getInstanceAction,
  listActionEvents,
  listInstanceActions as readActions,
} from '#db/instance-actions.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { readDateTime } from '#lib/versioned/index.ts'
import { instanceActionEventView, instanceActionView } from './instance-action.view.ts'
import { listInstanceActions, showInstanceAction } from './instance-actions.spec.ts'

const RULE = 'os_compute_api:os-instance-actions'

export function instanceActionRoutes(services: Services): readonly Route[] {
  const nova = services.db.typed<NovaDb>()
  return [
    serve(listInstanceActions, async (call) => {
      const { on, query } = call
      const instance = await visibleInstance(services, call, call.params['server_id'] ?? '', on.ofDeleted)
      call.enforce(`${RULE}:list`, { project_id: instance.projectId })
      const limit = on.paged ? limitOf(query, services.config.maxLimit) : undefined
      const marker = on.paged ? markerOf(query) : undefined
      // What a version does not know yet is passed over.
      const since = on.paged ? timeOf(query['changes-since']) : undefined
      const before = on.changesBefore ? timeOf(query['changes-before']) : undefined
      if (since !== undefined && before !== undefined && before < since)
        throw badRequest('The value of changes-since must be less than or equal to changes-before.')
      const found = await readActions(nova, instance.uuid, {
        ...(marker !== undefined && { marker }),
        ...(limit !== undefined && { limit }),
        ...(since !== undefined && { changesSince: since }),
        ...(before !== undefined && { changesBefore: before }),
      })
      const render = call.render(instanceActionView)
      const last = found.at(-1)
      const links =
        limit !== undefined && found.length === limit && last
          ? { links: call.links.next(`servers/${instance.uuid}/os-instance-actions`, last.requestId) }
          : {}
      return { body: { instanceActions: found.map((action) => render(action, undefined)), ...links } }
    }),

    serve(showInstanceAction, async (call) => {
      const instance = await visibleInstance(
        services,
        call,
        call.params['server_id'] ?? '',
        call.on.ofDeleted,
      )
      const target = { project_id: instance.projectId }
      call.enforce(`${RULE}:show`, target)
      const action = await getInstanceAction(nova, {
        instanceUuid: instance.uuid,
        requestId: call.params['id'] ?? '',
      })
      const mayTraceback = call.may(`${RULE}:events`, target)
      const body = call.render(instanceActionView)(action, undefined)
      if (!mayTraceback && !call.on.eventsForAll) return { body: { instanceAction: body } }
      const render = call.render(instanceActionEventView)
      const context = {
        projectId: instance.projectId,
        showTraceback: mayTraceback,
        showDetails: call.may(`${RULE}:events:details`, target),
      }
      const events = (await listActionEvents(nova, action.id)).map((event) => render(event, context))
      return { body: { instanceAction: { ...body, events } } }
    }),
  ]
}

const timeOf = (values: readonly string[] | undefined): number | undefined => {
  const value = values?.at(-1)
  return value === undefined ? undefined : readDateTime(value)
}
