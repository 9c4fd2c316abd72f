/** Change password: the guest's administrator gets a new one. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { findOperation, type Operation } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { conflict, Fault } from '#lib/fault.ts'

type Body = { readonly changePassword: { readonly adminPass: string } }

/** Between looks, in milliseconds: 1.3 s in all. */
const LOOKS = [5, 10, 20, 40, 80, 160, 320, 640]

export async function changePassword(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-admin-password')
  const operationId = services.ids.uuid()
  await beginOperation(call, services, {
    instance,
    operationId,
    operations: ['set_admin_password'],
    action: 'changePassword',
    saga: 'set-password',
    params: { adminPass: call.body.changePassword.adminPass },
  })
  const operation = await endOf(services, operationId)
  if (operation?.status === 'failed') throw failureOf(operation)
  return {}
}

/**
 * Nova asks the host and waits for its answer, so clients go on with the server at once, or hear why not. A host that
 * takes longer goes on without us.
 */
async function endOf({ db, clock }: Services, id: string): Promise<Operation | undefined> {
  for (const ms of LOOKS) {
    await clock.sleep(ms)
    const operation = await findOperation(db.typed<NovaDb>(), id)
    if (operation?.status !== 'live') return operation
  }
  return undefined
}

/** In Nova's words, which say no more than that: a driver's own might hold the password. */
function failureOf({ instanceUuid, progress }: Operation): Fault {
  if (progress?.failure?.name === 'NotSupported')
    return new Fault('notImplemented', 'Unable to set password on instance')
  return conflict(`Failed to set admin password on ${instanceUuid} because error setting admin password`)
}
