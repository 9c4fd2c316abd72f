/** Change password: the guest's administrator gets a new one. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'

type Body = { readonly changePassword: { readonly adminPass: string } }

/** Between looks, in milliseconds: 1.3 s in all. */
const LOOKS = [5, 10, 20, 40, 80, 160, 320, 640]

export async function changePassword(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-admin-password')
  await beginOperation(call, services, {
    instance,
    operations: ['set_admin_password'],
    action: 'changePassword',
    saga: 'set-password',
    params: { adminPass: call.body.changePassword.adminPass },
  })
  await hasEnded(services, instance.uuid)
  return {}
}

/**
 * Nova asks the host and waits for its answer, so clients go on with the server at once. A host that takes longer goes
 * on without us.
 */
async function hasEnded({ db, clock }: Services, uuid: string): Promise<void> {
  for (const ms of LOOKS) {
    await clock.sleep(ms)
    const instance = await findInstance(db.typed<NovaDb>(), uuid)
    if (instance?.taskState !== 'updating_password') return
  }
}
