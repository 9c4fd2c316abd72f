/** Change password: the guest's administrator gets a new one. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'

type Body = { readonly changePassword: { readonly adminPass: string } }

export async function changePassword(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-admin-password')
  await beginOperation(call, services, {
    instance,
    operations: ['set_admin_password'],
    action: 'changePassword',
    saga: 'set-password',
    params: { adminPass: call.body.changePassword.adminPass },
  })
  return {}
}
