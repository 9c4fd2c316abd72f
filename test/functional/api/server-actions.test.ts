/** What can be done to a server: what each action begins, what is there when the answer is, and what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findInstanceAction } from '#db/instance-actions.ts'
import { getInstance } from '#db/instances.ts'
import { listLiveOperations } from '#db/operations.ts'
import type { VmState } from '#model/instance/index.ts'
import { type Cloud, change, db, message, startCloud, there } from './servers-there.ts'

interface Asked {
  readonly as?: 'admin' | 'demo' | 'reader'
  readonly at?: string
}

const act = (cloud: Cloud, uuid: string, body: object, asked: Asked = {}) =>
  cloud.send(`POST /servers/${uuid}/action`, { at: '2.43', ...asked, body })

/** Action, from which vm state, through which task state, by which saga, who may. */
const BEGIN: readonly (readonly [object, VmState, string | null, string, Asked?, string?])[] = [
  [{ pause: null }, 'active', 'pausing', 'pause-server'],
  [{ unpause: null }, 'paused', 'unpausing', 'unpause-server'],
  [{ suspend: null }, 'active', 'suspending', 'suspend-server'],
  [{ resume: null }, 'suspended', 'resuming', 'unsuspend-server'],
  [{ rescue: null }, 'active', 'rescuing', 'rescue-server'],
  [{ unrescue: null }, 'rescued', 'unrescuing', 'unrescue-server'],
  [{ changePassword: { adminPass: 'x' } }, 'active', 'updating_password', 'set-password'],
  [{ trigger_crash_dump: null }, 'active', null, 'dump-crash'],
  [{ restore: null }, 'soft-delete', 'restoring', 'restore-server'],
  [{ forceDelete: null }, 'soft-delete', 'deleting', 'delete-server', {}, 'delete'],
]

for (const [body, vmState, taskState, saga, asked, word] of BEGIN) {
  const [name = ''] = Object.keys(body)
  test(`${name}: its task state, its operation and its action are there when the answer is`, async (t) => {
    const cloud = await startCloud(t)
    const uuid = await there(cloud, { vmState })
    const answer = await act(cloud, uuid, body, asked)
    assert.equal(answer.status, name === 'rescue' ? 200 : 202, answer.text)
    const instance = await getInstance(db(cloud), uuid)
    assert.deepEqual([instance.vmState, instance.taskState], [vmState, taskState])
    const [operation, ...others] = await listLiveOperations(db(cloud), uuid)
    assert.equal(operation?.saga, saga)
    assert.deepEqual(others, [])
    const requestId = String(answer.headers['x-openstack-request-id'])
    const action = await findInstanceAction(db(cloud), { instanceUuid: uuid, requestId })
    assert.equal(action?.action, word ?? name)

    const reader = await act(cloud, uuid, body, { as: 'reader' })
    assert.equal(reader.status, 403)
    await db(cloud).deleteFrom('operations').execute()
    await change(cloud, uuid, { taskState: null, locked: true, lockedBy: 'owner' })
    const locked = await act(cloud, uuid, body, asked)
    assert.deepEqual([locked.status, message(locked.body)], [409, `Instance ${uuid} is locked`])
    await change(cloud, uuid, { locked: false, vmState: 'building' })
    const unready = await act(cloud, uuid, body, asked)
    if (name === 'forceDelete') return
    const words = `Cannot '${name}' instance ${uuid} while it is in vm_state building`
    assert.deepEqual([unready.status, message(unready.body)], [409, words])
  })
}

test('a lock is its owner’s to open, and an admin’s is not', async (t) => {
  const cloud = await startCloud(t)
  const uuid = await there(cloud)
  const lockedBy = async () => {
    const { locked, lockedBy, lockedReason } = await getInstance(db(cloud), uuid)
    return [locked, lockedBy, lockedReason]
  }
  assert.equal((await act(cloud, uuid, { lock: { locked_reason: 'why' } }, { at: '2.73' })).status, 202)
  assert.deepEqual(await lockedBy(), [true, 'owner', 'why'])
  assert.equal((await act(cloud, uuid, { lock: { locked_reason: 'again' } }, { at: '2.73' })).status, 202)
  assert.deepEqual(await lockedBy(), [true, 'owner', 'why'], 'locked twice it stays as it was')
  assert.equal((await act(cloud, uuid, { lock: null }, { as: 'admin' })).status, 202)
  assert.deepEqual(await lockedBy(), [true, 'admin', 'why'])
  assert.equal((await act(cloud, uuid, { unlock: null })).status, 403)
  assert.equal((await act(cloud, uuid, { unlock: null }, { as: 'admin' })).status, 202)
  assert.deepEqual(await lockedBy(), [false, null, null])
  const actions = await cloud.send(`GET /servers/${uuid}/os-instance-actions`, { at: '2.62' })
  const [last] = actions.body.instanceActions as { action: string; request_id: string }[]
  assert.equal(last?.action, 'unlock')
  const shown = await cloud.send(`GET /servers/${uuid}/os-instance-actions/${last.request_id}`, {
    at: '2.62',
  })
  const { events } = shown.body.instanceAction as { events: { event: string; result: string }[] }
  assert.deepEqual(
    events.map(({ event, result }) => [event, result]),
    [['api_unlock', 'Success']],
  )
})

test('an admin sets a state by hand, whatever the server is at', async (t) => {
  const cloud = await startCloud(t)
  const uuid = await there(cloud, { taskState: 'rebooting' })
  const reset = (state: string, as: 'admin' | 'demo' = 'admin') =>
    act(cloud, uuid, { 'os-resetState': { state } }, { as })
  assert.equal((await reset('error', 'demo')).status, 403)
  assert.equal((await reset('paused')).status, 400)
  for (const state of ['error', 'active']) {
    assert.equal((await reset(state)).status, 202)
    const { vmState, taskState } = await getInstance(db(cloud), uuid)
    assert.deepEqual([vmState, taskState], [state, null])
  }
})

test('a rescue answers with a password, and refuses images that are none and servers without an image', async (t) => {
  const cloud = await startCloud(t)
  const uuid = await there(cloud)
  const none = '11111111-2222-3333-4444-555555555555'
  const wrong = await act(cloud, uuid, { rescue: { rescue_image_ref: none } })
  assert.deepEqual(
    [wrong.status, message(wrong.body)],
    [400, `Requested rescue image '${none}' is not supported`],
  )
  const own = await act(cloud, uuid, { rescue: { adminPass: 'mine' } })
  assert.deepEqual([own.status, own.body], [200, { adminPass: 'mine' }])
  const volumeBacked = await there(cloud, { imageRef: '' })
  const refused = await act(cloud, volumeBacked, { rescue: null })
  assert.equal(refused.status, 400)
  assert.match(message(refused.body), /Cannot rescue a volume-backed instance$/)
})

test('what is deleted for a while is restored only within the quota', async (t) => {
  const cloud = await startCloud(t)
  const uuid = await there(cloud, { vmState: 'soft-delete' })
  for (let n = 0; n < 10; n++) await cloud.make()
  const refused = await act(cloud, uuid, { restore: null })
  assert.equal(refused.status, 403)
  assert.match(message(refused.body), /^Quota exceeded for instances/)
  assert.equal((await getInstance(db(cloud), uuid)).taskState, null)
  await change(cloud, uuid, { host: null })
  await db(cloud)
    .updateTable('instances')
    .set({ vm_state: 'soft-delete' })
    .where('uuid', '<>', uuid)
    .execute()
  assert.equal((await act(cloud, uuid, { restore: null })).status, 202)
  assert.equal((await getInstance(db(cloud), uuid)).vmState, 'active')
})
