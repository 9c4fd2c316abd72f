/** Hosts through HTTP, as they were until 2.42, and migrations, with what each version tells and filters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insertMigration, updateMigration } from '#db/instance-migrations.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { PROJECT, startApi, type TestApi } from './compute-api.ts'
import { activate, message, startCloud } from './servers-there.ts'
import { reportHost } from './hosts-there.ts'

const H1 = '12345678-0000-4000-8000-000000000001'

test('hosts are listed by zone, shown with what is used, disabled and enabled', async (t) => {
  const api = await startCloud(t)
  await reportHost(api, 'h1', H1)
  const scheduler = { binary: 'nova-scheduler', host: 'c1', topic: 'scheduler', version: 66 }
  await reportService(api.db.typed<NovaDb>(), { ...scheduler, uuid: 'u' }, { now: Date.now() })
  await activate(api, await api.make())
  const ask = (route: string, body?: unknown, at = '2.42') => api.send(route, { as: 'admin', at, body })
  assert.deepEqual((await ask('GET /os-hosts')).body.hosts, [
    { host_name: 'h1', service: 'compute', zone: 'nova' },
    { host_name: 'c1', service: 'scheduler', zone: 'internal' },
  ])
  const inZone = (await ask('GET /os-hosts?zone=internal')).body.hosts as object[]
  assert.equal(inZone.length, 1)
  const shown = (await ask('GET /os-hosts/h1')).body.host as { resource: { project: string; cpu: number } }[]
  assert.deepEqual(
    shown.map(({ resource }) => [resource.project, resource.cpu]),
    [
      ['(total)', 4],
      ['(used_now)', 0],
      ['(used_max)', 1],
      [PROJECT, 1],
    ],
  )
  assert.deepEqual((await ask('PUT /os-hosts/h1', { status: 'Disable' })).body, {
    host: 'h1',
    status: 'disabled',
  })
  assert.equal(((await ask('GET /os-hosts')).body.hosts as object[]).length, 1)
  await ask('PUT /os-hosts/h1', { status: 'enable' })
  const lacking = [
    await ask('PUT /os-hosts/h1', { maintenance_mode: 'enable' }),
    await ask('GET /os-hosts/h1/reboot'),
    await ask('GET /os-hosts/h1/startup'),
    await ask('GET /os-hosts/h1/shutdown'),
  ]
  for (const { status, body } of lacking)
    assert.deepEqual([status, message(body)], [501, 'The requested functionality is not supported.'])
  for (const route of ['GET /os-hosts/c1', 'GET /os-hosts/c1/reboot']) {
    const unknown = await ask(route)
    assert.deepEqual([unknown.status, message(unknown.body)], [404, "Host 'c1' is not mapped to any cell"])
  }
  assert.equal((await ask('GET /os-hosts', undefined, '2.43')).status, 404)
  assert.equal((await api.send('GET /os-hosts')).status, 403)
})

async function migrate(api: TestApi, n: number, projectId = PROJECT) {
  const db = api.db.typed<NovaDb>()
  const made = await insertMigration(
    db,
    {
      uuid: `00000000-0000-4000-8000-00000000000${n}`,
      instanceUuid: `10000000-0000-4000-8000-00000000000${n}`,
      migrationType: n === 1 ? 'live-migration' : 'resize',
      status: n === 1 ? 'running' : 'finished',
      userId: 'demo-user',
      projectId,
      sourceCompute: 'h1',
      destCompute: `h${n + 1}`,
    },
    { now: n * 1_000_000 },
  )
  if (n === 2) await updateMigration(db, made.uuid, { status: 'confirmed' }, { now: 9_000_000 })
  return made
}

test('migrations are told of as each version does, newest first in pages', async (t) => {
  const api = await startApi(t)
  for (const n of [1, 2, 3]) await migrate(api, n)
  const ask = async (query: string, at: string, as: 'admin' | 'demo' = 'admin') =>
    api.send(`GET /os-migrations${query}`, { as, at })
  const list = async (query: string, at = '2.80') =>
    ((await ask(query, at)).body.migrations as { id: number }[]).map(({ id }) => id)
  const first = async (at: string) =>
    (((await ask('?host=h2', at)).body.migrations as object[])[0] ?? {}) as Record<string, unknown>
  const old = await first('2.22')
  assert.deepEqual(
    ['uuid', 'migration_type', 'links', 'user_id'].filter((name) => name in old),
    [],
  )
  assert.equal(old.created_at, '1970-01-01T00:16:40.000000')
  const recent = await first('2.80')
  assert.deepEqual([recent.migration_type, recent.user_id], ['live-migration', 'demo-user'])
  const [self] = recent.links as { href: string }[]
  assert.match(self?.href ?? '', /\/v2\.1\/servers\/10000000-[0-9a-f-]+\/migrations\/1$/)
  assert.deepEqual(await list('', '2.58'), [1, 2, 3])
  assert.deepEqual(await list(''), [3, 2, 1])
  const page = await ask('?limit=2', '2.80')
  const [next] = page.body.migrations_links as { href: string }[]
  assert.deepEqual(await list(`?${next?.href.split('?')[1]}`), [1])
  assert.deepEqual(await list('?status=confirmed'), [2])
  assert.deepEqual(await list('?migration_type=resize'), [3, 2])
  assert.deepEqual(await list('?source_compute=h2'), [])
  assert.deepEqual(await list('?hidden=1'), [])
  assert.deepEqual(await list('?changes-since=1970-01-01T02:00:00'), [2])
  assert.deepEqual(await list('?changes-since=1970-01-01T02:00:00', '2.58'), [1, 2, 3])
  assert.deepEqual(await list('?changes-before=1970-01-01T00:20:00', '2.66'), [1])
  for (const [query, why] of [
    ['marker=x', 'Marker x could not be found.'],
    [
      'changes-since=2020-01-01T00:00:00&changes-before=2019-01-01T00:00:00',
      'The value of changes-since must be less than or equal to changes-before.',
    ],
  ])
    assert.equal(message((await ask(`?${query}`, '2.66')).body), why)
  assert.equal((await ask('?nope=1', '2.59')).status, 400)
  assert.equal((await ask('', '2.80', 'demo')).status, 403)
})

test("a project's manager sees its own migrations, and no hosts", async (t) => {
  const api = await startApi(t)
  await migrate(api, 1)
  await migrate(api, 2, 'another')
  const ask = (query: string) => api.send(`GET /os-migrations${query}`, { as: 'manager', at: '2.80' })
  const own = (await ask('')).body.migrations as Record<string, unknown>[]
  assert.deepEqual(
    own.map((row) => [row.id, row.source_compute, row.dest_compute]),
    [[1, null, null]],
  )
  assert.equal((await ask('?host=h1')).status, 403)
  assert.equal((await ask('?project_id=another')).status, 403)
  assert.equal((await ask(`?project_id=${PROJECT}`)).status, 200)
})

test('assisted snapshots are checked, and lacking', async (t) => {
  const { send } = await startApi(t)
  const made = { snapshot_id: 's', type: 'qcow2', new_file: 'f' }
  const create = await send('POST /os-assisted-volume-snapshots', {
    as: 'admin',
    body: { snapshot: { volume_id: 'v', create_info: made } },
  })
  const none = 'No volume Block Device Mapping with id v.'
  assert.deepEqual([create.status, message(create.body)], [400, none])
  for (const [query, why] of [
    ['', "'delete_info'"],
    ['?delete_info=x', 'Expecting value: line 1 column 1 (char 0)'],
    ['?delete_info={}', "'volume_id'"],
    ['?delete_info={"volume_id":"v"}', none],
  ])
    assert.equal(
      message(
        (await send(`DELETE /os-assisted-volume-snapshots/s${encodeURI(query ?? '')}`, { as: 'admin' })).body,
      ),
      why,
    )
})
