/** Begins what changes a server as a whole: start, stop, reboot, delete. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Instance } from '#model/instance/index.ts'

type AnyCall = Call<unknown, unknown, never>
const RULE = 'os_compute_api:servers'

export async function start(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:start`)
  await beginOperation(call, services, {
    instance,
    operations: ['start'],
    action: 'start',
    saga: 'start-server',
    params: {},
  })
  return {}
}

export async function stop(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:stop`)
  await beginOperation(call, services, {
    instance,
    operations: ['stop'],
    action: 'stop',
    saga: 'stop-server',
    params: {},
  })
  return {}
}

type RebootCall = Call<{ readonly reboot: { readonly type: string } }, unknown, never>

export async function reboot(call: RebootCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:reboot`)
  const type = call.body.reboot.type.toUpperCase() === 'SOFT' ? 'SOFT' : 'HARD'
  await beginOperation(call, services, {
    instance,
    operations: ['reboot', type === 'SOFT' ? '_soft_reboot' : '_hard_reboot'],
    action: 'reboot',
    saga: 'reboot-server',
    params: { type },
  })
  return {}
}

/** A delete always goes through, whatever else is under way; asked for twice it happens once. */
export async function remove(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, `${RULE}:delete`)
  if (services.config.reclaimsInstances && instance.launchedAt !== null && instance.host !== null)
    return softDelete(call, services, instance)
  await beginOperation(call, services, {
    instance,
    operations: ['delete'],
    action: 'delete',
    saga: 'delete-server',
    params: {},
    once: true,
  })
  if (instance.host === null && instance.vmState === 'error') await untilGone(services, instance.uuid)
  return {}
}

/** What ran once may be restored for a while (`reclaim_instance_interval`). Deleted again, it stays deleted. */
async function softDelete(call: AnyCall, services: Services, instance: Instance): Promise<Answer> {
  await beginOperation(call, services, {
    instance,
    operations: ['soft_delete'],
    action: 'delete',
    saga: 'soft-delete-server',
    params: {},
    once: true,
  })
  return {}
}

const GONE_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 20

/**
 * A failed server that no host has is gone when the answer is, as with Nova, which removes it on the spot:
 * clients that wait for a delete take a server they still find in ERROR for one that could not be deleted.
 */
async function untilGone({ db, clock }: Services, uuid: string): Promise<void> {
  const end = clock.now() + GONE_WITHIN_MS
  while (clock.now() < end && (await findInstance(db.typed<NovaDb>(), uuid))) await clock.sleep(LOOK_EVERY_MS)
}
