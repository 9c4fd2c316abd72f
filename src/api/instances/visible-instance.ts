/** Finds the instance of a request. A server of another project is not there, except for admins. */
import type { Call, Services } from '#api/kernel/index.ts'
import { getInstance, instanceNotFound } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { isUuidLike } from '#lib/ids.ts'
import type { Instance } from '#model/instance/index.ts'

/** With `deleted`, also one that was deleted. Throws notFound in Nova's words. */
export async function visibleInstance(
  services: Pick<Services, 'db'>,
  call: Pick<Call<unknown, unknown, never>, 'context' | 'isAdmin'>,
  uuid: string,
  deleted = false,
): Promise<Instance> {
  if (!isUuidLike(uuid)) throw instanceNotFound(uuid)
  const instance = await getInstance(services.db.typed<NovaDb>(), uuid, deleted ? { deleted: 'include' } : {})
  if (!call.isAdmin && instance.projectId !== call.context.projectId) throw instanceNotFound(uuid)
  return instance
}
