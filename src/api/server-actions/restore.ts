/** Restore: a server that was deleted, but not yet for good, is there again. */
import { actionOf, beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { type Quota, quotaOf } from '#api/quotas/index.ts'
import { countWithinQuota } from '#api/servers/index.ts'
import { finishInstanceAction, insertInstanceActions } from '#db/instance-actions.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Instance, isVolumeBacked, requireAllowed } from '#model/instance/index.ts'
import type { Transaction } from 'kysely'

type AnyCall = Call<unknown, unknown, never>

export async function restore(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-deferred-delete:restore')
  const quota = await quotaOf(services, { ...instance, forServers: true })
  if (instance.host === null) await restoreRecord(call, services, { instance, quota })
  else
    await beginOperation(call, services, {
      instance,
      operations: ['restore'],
      action: 'restore',
      saga: 'restore-server',
      params: {},
      also: (trx, current) => requireRoom(trx, quota, current),
    })
  return {}
}

/** What is deleted for a while is not counted: it must fit in again. */
async function requireRoom(trx: Transaction<NovaDb>, quota: Quota, instance: Instance): Promise<void> {
  const { projectId, flavor } = instance
  // What it holds of its host it held all the time.
  if (quota.room) return quota.room.require(trx, { servers: 1 })
  const isVolumeBackedServer = isVolumeBacked(instance)
  const asked = { projectId, flavor, minCount: 1, maxCount: 1, isVolumeBacked: isVolumeBackedServer }
  await countWithinQuota(trx, quota, asked)
}

/** A server that no host has is only a record. */
async function restoreRecord(
  call: AnyCall,
  services: Services,
  { instance, quota }: { instance: Instance; quota: Quota },
): Promise<void> {
  const now = services.clock.now()
  await services.db.transaction<NovaDb, void>(async (trx) => {
    await requireRoom(trx, quota, instance)
    await modifyInstance(trx, instance.uuid, { now }, (current) => {
      requireAllowed('restore', current, call)
      return { vmState: 'active', taskState: null }
    })
    await insertInstanceActions(trx, [actionOf(call, instance, 'restore')], { now })
    const key = { instanceUuid: instance.uuid, requestId: call.context.requestId }
    await finishInstanceAction(trx, key, { now })
  })
}
