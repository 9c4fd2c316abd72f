/** How an action and its events look in answers. */
import { isoMicroseconds } from '#lib/iso-time.ts'
import { shownSince, view } from '#lib/versioned/index.ts'
import { hostIdOf, type InstanceAction, type InstanceActionEvent } from '#model/instance/index.ts'

export const instanceActionView = view<InstanceAction>({
  action: (action) => action.action,
  instance_uuid: (action) => action.instanceUuid,
  request_id: (action) => action.requestId,
  user_id: (action) => action.userId,
  project_id: (action) => action.projectId,
  start_time: (action) => isoMicroseconds(action.startedAt),
  message: (action) => action.message,
  updated_at: shownSince('2.58', (action) => isoMicroseconds(action.updatedAt)),
})

/** What the caller may see of an event, by policy. */
export interface EventContext {
  readonly projectId: string
  readonly showTraceback: boolean
  readonly showDetails: boolean
}

export const instanceActionEventView = view<InstanceActionEvent, EventContext>({
  event: (event) => event.event,
  start_time: (event) => isoMicroseconds(event.startedAt),
  finish_time: (event) => (event.finishedAt === null ? null : isoMicroseconds(event.finishedAt)),
  result: (event) => event.result,
  traceback: (event, { showTraceback }) => (showTraceback ? event.traceback : undefined),
  host: shownSince('2.62', (event, { showTraceback }) =>
    showTraceback ? (event.host ?? undefined) : undefined,
  ),
  hostId: shownSince('2.62', (event, { projectId }) => hostIdOf(projectId, event.host)),
  details: shownSince('2.84', (event, { showDetails }) => (showDetails ? event.details : undefined)),
})
