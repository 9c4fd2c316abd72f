/** Changes of an instance that are over when the answer is: locking it, and setting its state by hand. */
import { actionOf, getServer, targetOf } from '#api/instances/index.ts'
import { type Answer, type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import {
  finishActionEvent,
  finishInstanceAction,
  insertInstanceActions,
  startActionEvent,
} from '#db/instance-actions.ts'
import { type InstanceChanges, modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Instance } from '#model/instance/index.ts'
import * as spec from './guest.spec.ts'

type AnyCall = Call<unknown, unknown, never>

interface Done {
  readonly action: string
  /** Nova's name of what was done, where it tells. */
  readonly event?: string
  /** Undefined: nothing changes, and nothing is recorded. */
  change(current: Instance): InstanceChanges | undefined
}

/** Changes the instance and records the action as over, in one transaction. */
async function change(call: AnyCall, services: Services, uuid: string, done: Done): Promise<void> {
  const now = services.clock.now()
  const { event } = done
  await services.db.transaction<NovaDb, void>(async (trx) => {
    let changes: InstanceChanges | undefined
    const instance = await modifyInstance(trx, uuid, { now }, (current) => {
      changes = done.change(current)
      return changes ?? {}
    })
    if (!changes) return
    const key = { instanceUuid: uuid, requestId: call.context.requestId }
    await insertInstanceActions(trx, [actionOf(call, instance, done.action)], { now })
    if (event !== undefined) {
      await startActionEvent(trx, key, { event, host: instance.host }, { now })
      await finishActionEvent(trx, key, { event, result: 'Success' }, { now })
      return
    }
    await finishInstanceAction(trx, key, { now })
  })
}

/** What is locked already stays as it is, but for an admin, whose lock an owner cannot open. */
async function lock(call: AnyCall, services: Services, reason: string | null): Promise<void> {
  const { uuid, projectId } = await getServer(call, services, 'os_compute_api:os-lock-server:lock')
  const isOwner = projectId === call.context.projectId
  await change(call, services, uuid, {
    action: 'lock',
    event: 'api_lock',
    change: ({ locked, lockedReason }) =>
      locked && isOwner
        ? undefined
        : { locked: true, lockedBy: isOwner ? 'owner' : 'admin', lockedReason: reason ?? lockedReason },
  })
}

async function unlock(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-lock-server:unlock')
  const who = instance.projectId === call.context.projectId ? 'owner' : 'admin'
  if (instance.lockedBy !== null && instance.lockedBy !== who)
    call.enforce('os_compute_api:os-lock-server:unlock:unlock_override', targetOf(instance))
  await change(call, services, instance.uuid, {
    action: 'unlock',
    event: 'api_unlock',
    change: () => ({ locked: false, lockedBy: null, lockedReason: null }),
  })
  return {}
}

export const lockRoutes = (services: Services): readonly Route[] => [
  serve(spec.lock, async (call) => {
    const sent = call.on.withReason ? (call.body.lock as { locked_reason?: string } | null) : null
    await lock(call, services, sent?.locked_reason ?? null)
    return {}
  }),
  serve(spec.unlock, (call) => unlock(call, services)),
  serve(spec.unlockAnyhow, (call) => unlock(call, services)),
  serve(spec.resetState, async (call) => {
    const { uuid } = await getServer(call, services, 'os_compute_api:os-admin-actions:reset_state')
    const vmState = call.body['os-resetState'].state
    await change(call, services, uuid, {
      action: 'resetState',
      change: () => ({ vmState, taskState: null }),
    })
    return {}
  }),
]
