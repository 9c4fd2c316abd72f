/** What the API answers, at every version, against the facts' schemas of responses. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { insertInstanceFault } from '#db/instance-faults.ts'
import { updateInstance } from '#db/instances.ts'
import { versionOf } from '#lib/versioned/index.ts'
import { IMAGE_ID, PROJECT } from '../functional/api/compute-api.ts'
import { activate, startCloud } from '../functional/api/servers-there.ts'
import { haveFacts, keyOf, type SchemaFacts, schemaFacts } from './facts.ts'

const VERSIONS = Array.from({ length: 104 }, (_, index) => `2.${index + 1}`)

interface Asked {
  /** The route as the facts name it. */
  readonly route: string
  /** The path to ask, when it differs. */
  readonly path?: string
  readonly body?: unknown
  readonly action?: string
}

function checkAnswer(facts: SchemaFacts, asked: Asked, version: string, body: unknown, text: string): number {
  const [method = '', path = ''] = asked.route.split(' ')
  const key = keyOf({ method, path, action: asked.action })
  const fact = facts.find(key, 'body', versionOf(version))
  if (!fact) return 0
  assert.ok(
    fact(body),
    `${key} at ${version}: ${JSON.stringify(fact.errors?.slice(0, 3))}\n${text.slice(0, 1500)}`,
  )
  return 1
}

/** A comparison with the facts, where they lie beside the repository. */
function compare(name: string, run: (t: TestContext) => Promise<void> | void): void {
  if (haveFacts) void test(name, run)
}

test('answers carry the version they were asked in', async (t) => {
  const { send } = await startCloud(t)
  for (const at of VERSIONS) {
    const answer = await send('GET /servers/detail', { at })
    assert.deepEqual([answer.status, answer.headers['openstack-api-version']], [200, `compute ${at}`])
  }
})

compare('answers are what the facts say, at every version', async (t) => {
  const facts = schemaFacts('response')
  const api = await startCloud(t)
  const db = api.db.typed<NovaDb>()
  const uuid = await api.make({ name: 'a', user_data: 'IyEvYmluL3NoCg==', metadata: { k: 'v' }, tags: ['t'] })
  await activate(api, uuid)
  const broken = await api.make({ name: 'broken' })
  await updateInstance(db, broken, { vmState: 'error', taskState: null }, { now: 1 })
  const fault = { code: 500, message: 'No valid host was found.', details: 'why', host: null }
  await insertInstanceFault(db, broken, fault, { now: 1 })
  const service = { binary: 'nova-compute', host: 'h1', topic: 'compute', version: 66 }
  await reportService(db, { ...service, uuid: '12345678-0000-4000-8000-000000000001' }, { now: Date.now() })
  const asked: Asked[] = [
    { route: 'GET /servers' },
    { route: 'GET /servers', path: '/servers?limit=1' },
    { route: 'GET /servers/detail' },
    { route: 'GET /servers/{id}', path: `/servers/${uuid}` },
    { route: 'GET /servers/{id}', path: `/servers/${broken}` },
    { route: 'PUT /servers/{id}', path: `/servers/${uuid}`, body: { server: { name: 'b' } } },
    { route: 'GET /servers/{server_id}/ips', path: `/servers/${uuid}/ips` },
    { route: 'GET /servers/{server_id}/metadata', path: `/servers/${uuid}/metadata` },
    { route: 'GET /servers/{server_id}/tags', path: `/servers/${uuid}/tags` },
    { route: 'GET /servers/{server_id}/os-instance-actions', path: `/servers/${uuid}/os-instance-actions` },
    { route: 'GET /flavors' },
    { route: 'GET /flavors/detail' },
    { route: 'GET /flavors/{id}', path: '/flavors/42' },
    { route: 'GET /os-keypairs' },
    { route: 'GET /limits' },
    { route: 'GET /os-availability-zone' },
    { route: 'GET /os-availability-zone/detail' },
    { route: 'GET /os-services' },
    { route: 'GET /os-hypervisors' },
    { route: 'GET /os-hypervisors/detail' },
    { route: 'GET /os-quota-sets/{id}', path: `/os-quota-sets/${PROJECT}` },
    { route: 'GET /os-quota-sets/{id}/detail', path: `/os-quota-sets/${PROJECT}/detail` },
    { route: 'GET /os-quota-class-sets/{id}', path: '/os-quota-class-sets/default' },
    {
      route: 'PUT /os-quota-class-sets/{id}',
      path: '/os-quota-class-sets/other',
      body: { quota_class_set: { cores: 1 } },
    },
    {
      route: 'GET /os-simple-tenant-usage',
      path: '/os-simple-tenant-usage?detailed=1&start=2020-01-01T00:00:00',
    },
    {
      route: 'GET /os-simple-tenant-usage/{id}',
      path: `/os-simple-tenant-usage/${PROJECT}?start=2020-01-01T00:00:00`,
    },
  ]
  let checked = 0
  for (const one of asked) {
    const [method = '', path = ''] = one.route.split(' ')
    for (const at of VERSIONS) {
      const answer = await api.send(`${method} ${one.path ?? path}`, { as: 'admin', at, body: one.body })
      assert.ok(answer.status < 500, `${one.route} at ${at}: ${answer.text}`)
      if (answer.status < 300) checked += checkAnswer(facts, one, at, answer.body, answer.text)
    }
  }
  const server = { name: 's', imageRef: IMAGE_ID, flavorRef: '42' }
  for (const at of ['2.1', '2.36', '2.37', '2.104']) {
    const networks = at === '2.1' || at === '2.36' ? [] : 'none'
    const answer = await api.send('POST /servers', { at, body: { server: { ...server, networks } } })
    assert.equal(answer.status, 202, answer.text)
    checked += checkAnswer(facts, { route: 'POST /servers' }, at, answer.body, answer.text)
  }
  assert.ok(checked > 1500, `only ${checked} answers were checked`)
})
