/** Limits that Keystone keeps: what is told of them, what heeds them, and what cannot be set here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OTHER_PROJECT, PROJECT, startApi } from './compute-api.ts'
import { updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportHost } from './hosts-there.ts'
import { activate, message } from './servers-there.ts'

const IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b'

test('quotas are Keystone’s where it keeps limits', async (t) => {
  const api = await startApi(t, { quotaDriver: 'keystone' })
  api.there.limits = {
    registered: { servers: 5, 'class:VCPU': 2, 'class:MEMORY_MB': -1, server_key_pairs: 1, server_groups: 0 },
    projects: { [PROJECT]: { servers: 3, server_key_pairs: 9 } },
  }
  const flavor = { name: 'm1.nano', id: '42', ram: 128, vcpus: 1, disk: 1 }
  await api.send('POST /flavors', { as: 'admin', body: { flavor } })
  const set = async (route: string, as: 'demo' | 'admin' = 'demo', body?: unknown) => {
    const answer = await api.send(route, { as, at: '2.96', body })
    assert.ok(answer.status < 300, answer.text)
    return Object.values(answer.body)[0] as Record<string, unknown>
  }
  const own = await set(`GET /os-quota-sets/${PROJECT}`)
  assert.deepEqual([own.instances, own.cores, own.ram, own.key_pairs], [3, 2, -1, 1])
  assert.equal(own.metadata_items, -1, 'not registered and not required')
  assert.equal((await set(`GET /os-quota-sets/${OTHER_PROJECT}`, 'admin')).instances, 5)
  assert.equal((await set(`GET /os-quota-sets/${PROJECT}/defaults`)).instances, 5)
  assert.equal((await set('GET /os-quota-class-sets/default', 'admin')).instances, 5)
  const body = { quota_set: { instances: 100, cores: 0 } }
  assert.equal((await set(`PUT /os-quota-sets/${PROJECT}`, 'admin', body)).instances, 3, 'kept elsewhere')
  assert.equal((await api.send(`DELETE /os-quota-sets/${PROJECT}`, { as: 'admin' })).status, 202)

  const server = { name: 's', imageRef: IMAGE, flavorRef: '42', networks: 'none' }
  const create = (more: object = {}) =>
    api.send('POST /servers', { at: '2.94', body: { server: { ...server, ...more } } })
  const some = await create({ min_count: 1, max_count: 3, return_reservation_id: true })
  assert.equal(some.status, 202, some.text)
  const refused = async (answer: ReturnType<typeof create>, ...parts: readonly string[]) => {
    const { status, body } = await answer
    assert.deepEqual(
      [status, message(body)],
      [403, `Project ${PROJECT} is over a limit for [${parts.map((part) => `Resource ${part}`).join(', ')}]`],
    )
  }
  const unset = 'class:DISK_GB is over limit of 0 due to current usage'
  // Two were made, as many as fit: they have no host yet, and Placement does not know of them.
  await refused(
    create({ min_count: 1, max_count: 2 }),
    `${unset} 2 and delta 1`,
    'class:VCPU is over limit of 2 due to current usage 2 and delta 1',
  )
  api.there.usages[PROJECT] = { VCPU: 7, MEMORY_MB: 900, CUSTOM_GOLD: 1 }
  assert.deepEqual((await set(`GET /os-quota-sets/${PROJECT}/detail`)).cores, {
    limit: 2,
    in_use: 7,
    reserved: 0,
  })
  const { absolute } = (await set('GET /limits')) as { absolute: Record<string, number> }
  assert.deepEqual([absolute.totalCoresUsed, absolute.totalRAMUsed, absolute.totalInstancesUsed], [7, 900, 2])

  api.there.limits.registered['class:VCPU'] = -1
  api.there.limits.registered['class:CUSTOM_GOLD'] = 2
  const golden = { name: 'golden', id: '43', ram: 128, vcpus: 1, disk: 1 }
  await api.send('POST /flavors', { as: 'admin', body: { flavor: golden } })
  const specs = { extra_specs: { 'resources:CUSTOM_GOLD': '2' } }
  await api.send('POST /flavors/43/os-extra_specs', { as: 'admin', body: specs })
  const gold = 'class:CUSTOM_GOLD is over limit of 2 due to current usage 1 and delta 2'
  await refused(create({ flavorRef: '43' }), gold, `${unset} 2 and delta 1`)
  const { servers } = (await api.send('GET /servers')).body as { servers: { id: string }[] }
  const [{ id } = assert.fail()] = servers
  await activate(api, id)
  await reportHost(api, 'h1', 'aaaaaaaa-0000-4000-8000-000000000001')
  const act = (body: object) => api.send(`POST /servers/${id}/action`, { body })
  const resize = (flavorRef: string) => act({ resize: { flavorRef } })
  await refused(resize('43'), gold, `${unset} 1 and delta 1`)
  const offloaded = { vmState: 'shelved_offloaded', host: null, node: null } as const
  await updateInstance(api.db.typed<NovaDb>(), id, offloaded, { now: 1_700_000_000_000 })
  api.there.limits.registered['class:DISK_GB'] = 1
  await refused(
    act({ unshelve: null }),
    'class:DISK_GB is over limit of 1 due to current usage 1 and delta 1',
  )
  api.there.limits.registered['class:DISK_GB'] = 2
  assert.equal((await act({ unshelve: null })).status, 202)
  const key = (name: string) => api.send('POST /os-keypairs', { at: '2.91', body: { keypair: { name } } })
  assert.equal((await key('a')).status, 201)
  const second = await key('b')
  assert.equal(second.status, 403)
  assert.match(
    message(second.body),
    /Resource server_key_pairs is over limit of 1 due to current usage 1 and delta 1/,
  )
  const group = { server_group: { name: 'g', policy: 'affinity' } }
  assert.equal((await api.send('POST /os-server-groups', { at: '2.64', body: group })).status, 403)
})

test('what must be registered and is not is limited to nothing', async (t) => {
  const named = await startApi(t, { quotaDriver: 'keystone' })
  const instancesOf = async (api: typeof named) =>
    (await api.send(`GET /os-quota-sets/${PROJECT}`)).body.quota_set as Record<string, number>
  const first = await instancesOf(named)
  assert.deepEqual([first.instances, first.cores, first.floating_ips], [0, -1, -1])
  const unifiedLimits = { required: 'others', names: ['class:VCPU'] } as const
  const others = await instancesOf(await startApi(t, { quotaDriver: 'keystone', unifiedLimits }))
  assert.deepEqual([others.instances, others.cores, others.ram], [0, -1, 0])
})

test('the driver that limits nothing says so', async (t) => {
  const api = await startApi(t, { quotaDriver: 'none' })
  const detail = (await api.send(`GET /os-quota-sets/${PROJECT}/detail`)).body.quota_set
  assert.deepEqual((detail as Record<string, unknown>).instances, { limit: -1, in_use: -1, reserved: -1 })
})
