/** Services and hypervisors through HTTP: the verbs of old, changes by uuid, what goes with a compute, and what each version shows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insertMigration, updateMigration } from '#db/instance-migrations.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { reportHost } from './hosts-there.ts'
import { activate, message, startCloud } from './servers-there.ts'

const H1 = '12345678-0000-4000-8000-000000000001'
const H2 = '12345678-0000-4000-8000-000000000002'
const NOBODY = '99999999-0000-4000-8000-000000000009'

test('services are changed by verbs until 2.52, and by what they shall be from then on', async (t) => {
  const api = await startCloud(t)
  await reportHost(api, 'h1', H1)
  const scheduler = { binary: 'nova-scheduler', host: 'c1', topic: 'scheduler', version: 66 }
  await reportService(api.db.typed<NovaDb>(), { ...scheduler, uuid: H2 }, { now: Date.now() })
  const put = async (id: string, at: string, body: object) => {
    const answer = await api.send(`PUT /os-services/${id}`, { as: 'admin', at, body })
    return answer.status === 200 ? answer.body.service : [answer.status, message(answer.body)]
  }
  const one = { host: 'h1', binary: 'nova-compute' }
  assert.deepEqual(await put('disable-log-reason', '2.1', { ...one, disabled_reason: 'x' }), {
    ...one,
    status: 'disabled',
    disabled_reason: 'x',
  })
  assert.deepEqual(await put('enable', '2.1', one), { ...one, status: 'enabled' })
  assert.deepEqual(await put('force-down', '2.10', one), [404, 'Unknown action'])
  assert.deepEqual(await put('force-down', '2.11', one), [400, 'Missing forced_down field'])
  const other =
    'Updating a nova-scheduler service is not supported. Only nova-compute services can be updated.'
  assert.deepEqual(await put('disable', '2.1', { host: 'c1', binary: 'nova-scheduler' }), [400, other])
  assert.deepEqual(await put(H2, '2.53', { status: 'disabled' }), [400, other])
  assert.deepEqual(await put(H1, '2.53', { status: 'enabled', disabled_reason: 'x' }), [
    400,
    "Specifying 'disabled_reason' with status 'enabled' is invalid.",
  ])
  const down = (await put(H1, '2.53', { forced_down: true })) as Record<string, unknown>
  assert.deepEqual([down.id, down.state, down.forced_down], [H1, 'down', true])
})

test('a compute goes when nothing is or moves there, and takes its nodes and places along', async (t) => {
  const api = await startCloud(t)
  for (const [host, uuid] of [
    ['h1', H1],
    ['h2', H2],
  ] as const)
    await reportHost(api, host, uuid)
  await activate(api, await api.make())
  const remove = async (id: string, at = '2.53') => {
    const answer = await api.send(`DELETE /os-services/${id}`, { as: 'admin', at })
    return answer.status === 204 ? 204 : [answer.status, message(answer.body)]
  }
  assert.deepEqual(await remove(H1), [
    409,
    'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
  ])
  const db = api.db.typed<NovaDb>()
  const move = {
    uuid: NOBODY,
    instanceUuid: NOBODY,
    migrationType: 'resize',
    userId: 'u',
    projectId: 'p',
  } as const
  await insertMigration(db, { ...move, status: 'migrating', sourceCompute: 'h2' }, { now: 1 })
  const moving = await remove(H2)
  assert.deepEqual(Array.isArray(moving) && moving[0], 409)
  await updateMigration(db, NOBODY, { status: 'confirmed' }, { now: 2 })
  const made = await api.send('POST /os-aggregates', { as: 'admin', body: { aggregate: { name: 'a' } } })
  const { id } = made.body.aggregate as { id: number }
  await api.send(`POST /os-aggregates/${id}/action`, { as: 'admin', body: { add_host: { host: 'h2' } } })
  assert.equal(await remove(H2), 204)
  assert.deepEqual(api.there.removedProviders, [H2])
  const left = await api.send(`GET /os-aggregates/${id}`, { as: 'admin' })
  assert.deepEqual((left.body.aggregate as { hosts: string[] }).hosts, [])
  const nodes = await api.send('GET /os-hypervisors', { as: 'admin' })
  assert.equal((nodes.body.hypervisors as object[]).length, 1)
  assert.deepEqual(await remove(H2), [404, `Service ${H2} not found.`])
  assert.deepEqual(await remove('x'), [400, 'Invalid uuid x'])
  assert.deepEqual(await remove('x', '2.52'), [400, 'Invalid input received: id must be an integer'])
  const huge = '99999999999999999999'
  assert.deepEqual(await remove(huge, '2.52'), [404, `Service ${huge} not found.`])
})

test('hypervisors show servers where asked, and match names from 2.53 on', async (t) => {
  const api = await startCloud(t)
  await reportHost(api, 'h1', H1)
  const list = async (query: string, at: string) =>
    api.send(`GET /os-hypervisors${query}`, { as: 'admin', at })
  const first = async (query: string, at: string) =>
    ((await list(query, at)).body.hypervisors as Record<string, unknown>[])[0] ?? {}
  assert.equal('servers' in (await first('?with_servers=1', '2.74')), false)
  assert.deepEqual((await first('?with_servers=1', '2.75')).servers, [])
  assert.equal('servers' in (await first('', '2.75')), false)
  const uuid = await api.make()
  await activate(api, uuid)
  assert.deepEqual((await first('?with_servers=1', '2.53')).servers, [{ name: 's', uuid }])
  assert.equal('servers' in (await first('?with_servers=1', '2.52')), false)
  assert.equal((await list('?hypervisor_hostname_pattern=nope', '2.52')).status, 200)
  assert.equal((await list('?hypervisor_hostname_pattern=nope', '2.53')).status, 404)
  assert.equal((await list('?hypervisor_hostname_pattern=h&limit=1', '2.53')).status, 400)
  const searched = await api.send('GET /os-hypervisors/h1/servers', { as: 'admin', at: '2.52' })
  assert.deepEqual((searched.body.hypervisors as { servers: object[] }[])[0]?.servers, [{ name: 's', uuid }])
})
