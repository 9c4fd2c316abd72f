/** The instance that a request is about, once the rule for it holds. */
import type { Call, Services } from '#api/kernel/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { Target } from '#policy/index.ts'
import { visibleInstance } from './visible-instance.ts'

/** What policy rules are told of an instance. */
export const targetOf = ({ projectId, userId }: Pick<Instance, 'projectId' | 'userId'>): Target => ({
  project_id: projectId,
  user_id: userId,
})

/** The instance of the path (`server_id`, or `id`). Throws notFound, or the 403 when the rule forbids. */
export async function getServer(
  call: Call<unknown, unknown, never>,
  services: Pick<Services, 'db'>,
  rule: string,
): Promise<Instance> {
  const instance = await visibleInstance(services, call, call.params['server_id'] ?? call.params['id'] ?? '')
  call.enforce(rule, targetOf(instance))
  return instance
}
