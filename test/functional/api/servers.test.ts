/** Servers through HTTP: lists, views, changes and actions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getInstance, updateInstance } from '#db/instances.ts'
import { listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { activate, message, startCloud } from './servers-there.ts'

test('lists are pages of what the caller may see', async (t) => {
  const api = await startCloud(t)
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) ids.push(await api.make({ name }))
  await activate(api, ids[0] ?? '')
  const names = async (path: string, request: object = {}) => {
    const answer = await api.send(`GET ${path}`, request)
    assert.equal(answer.status, 200, answer.text)
    return (answer.body.servers as { name: string }[]).map(({ name }) => name)
  }
  assert.deepEqual(await names('/servers?sort_key=display_name&sort_dir=asc&limit=2'), ['a', 'b'])
  assert.deepEqual(await names(`/servers?sort_key=display_name&sort_dir=asc&marker=${ids[1]}`), ['c'])
  assert.deepEqual(await names('/servers?status=active'), ['a'])
  assert.deepEqual(await names('/servers?name=%5Eb'), ['b'])
  assert.deepEqual(await names('/servers?ip=10.0.0'), ['a'])
  assert.deepEqual(await names('/servers?ip=0.0.5'), [], 'without Neutron the pattern begins the address')
  assert.deepEqual(await names('/servers?status=banana', { at: '2.37' }), [])
  assert.deepEqual(await names('/servers', { as: 'alt' }), [])
  assert.equal((await names('/servers?all_tenants=1', { as: 'admin' })).length, 3)
  const launched = '2023-11-14T22:13:20Z'
  assert.deepEqual(await names(`/servers?launched_at=${launched}`, { at: '2.83' }), ['a'])
  assert.deepEqual(await names('/servers?launched_at=2023', { at: '2.83' }), [])
  assert.deepEqual(await names(`/servers?changes-before=${launched}`, { at: '2.66' }), ['a'])
  assert.deepEqual(
    await names(`/servers?launched_at=${launched}`, { at: '2.82' }),
    ['c', 'b', 'a'],
    'passed over',
  )
  assert.deepEqual(await names('/servers?metadata=a'), ['c', 'b', 'a'], 'no filter of a user')
  const refusals: [string, number, string, object?][] = [
    [
      '/servers/detail?all_tenants=1',
      403,
      "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.",
    ],
    ['/servers?marker=nope', 400, 'marker [nope] not found'],
    [
      '/servers?sort_key=uuid&sort_dir=sideways',
      400,
      "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'",
    ],
    ['/servers?status=BANANA', 400, 'Invalid status value', { at: '2.38' }],
    ['/servers?metadata=a', 400, 'Invalid filter field: metadata.', { as: 'admin' }],
    ['/servers?_x=a', 400, 'Invalid filter field: _x.', { as: 'admin', at: '2.75' }],
    [
      '/servers?locked=maybe',
      400,
      "Unrecognized value 'maybe', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'",
      { at: '2.73' },
    ],
    ['/servers?nope=1', 400, "'nope' does not match any of the regexes: '^_'", { at: '2.75' }],
    ['/servers?name=%5B', 400, "Invalid input for query parameters name. Value: [. '[' is not a 'regex'"],
    [
      '/servers?limit=abc',
      400,
      "Invalid input for query parameters limit. Value: abc. 'abc' does not match '^[0-9]*$'",
    ],
  ]
  for (const [path, status, text, request] of refusals) {
    const answer = await api.send(`GET ${path}`, request)
    assert.deepEqual([answer.status, message(answer.body)], [status, text])
  }
})

test('a server shows more to an admin, and what its version knows', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make({ name: 'a' })
  await activate(api, uuid)
  const service = { binary: 'nova-compute', host: 'h1', topic: 'compute', version: 66 }
  await reportService(
    api.db.typed<NovaDb>(),
    { ...service, uuid: '12345678-0000-4000-8000-000000000001' },
    { now: Date.now() },
  )
  const show = async (at: string, as: 'demo' | 'admin' = 'demo') =>
    (await api.send(`GET /servers/${uuid}`, { at, as })).body.server as Record<string, unknown>
  const old = await show('2.1')
  assert.equal(old.status, 'ACTIVE')
  assert.deepEqual(old.security_groups, [{ name: 'default' }])
  assert.deepEqual((old.addresses as { private: object[] }).private[1], {
    version: 4,
    addr: '192.0.2.7',
    'OS-EXT-IPS:type': 'floating',
    'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01',
  })
  assert.equal(old['OS-SRV-USG:launched_at'], '2023-11-14T22:13:20.000000')
  assert.equal('OS-EXT-SRV-ATTR:host' in old, false)
  assert.equal('locked' in old, false)
  const latest = await show('2.104', 'admin')
  assert.equal(latest['OS-EXT-SRV-ATTR:host'], 'h1')
  assert.equal(latest.host_status, 'UP')
  assert.equal((latest.flavor as { original_name: string }).original_name, 'm1.nano')
  assert.deepEqual(latest.scheduler_hints, {})
  assert.equal((await api.send(`GET /servers/${uuid}`, { as: 'alt' })).status, 404)
  const ips = await api.send(`GET /servers/${uuid}/ips/private`)
  assert.deepEqual(ips.body, {
    private: [
      { version: 4, addr: '10.0.0.5' },
      { version: 4, addr: '192.0.2.7' },
    ],
  })
})

test('changes and their limits', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make({ name: 'a' })
  await activate(api, uuid)
  const put = (server: object, at = '2.104') => api.send(`PUT /servers/${uuid}`, { at, body: { server } })
  const changed = await put({ name: 'b', description: null, hostname: 'h.example', accessIPv4: '192.0.2.1' })
  assert.equal((changed.body.server as { name: string }).name, 'b')
  const v6 = await put({ accessIPv6: '0000:0000:0000:0000:0000:babe:220.12.22.2' })
  assert.equal((v6.body.server as { accessIPv6: string }).accessIPv6, '::babe:dc0c:1602')
  assert.equal((await put({ hostname: 'h.example' }, '2.93')).status, 400)
  assert.equal((await put({ pinned_availability_zone: 'nova' })).status, 200)
  assert.equal((await put({ pinned_availability_zone: 'other' })).status, 409)
  const brief = (await put({ name: 'c' }, '2.1')).body.server as Record<string, unknown>
  assert.equal('key_name' in brief, false)
  const tag = await api.send(`PUT /servers/${uuid}/tags/x`, { at: '2.26' })
  assert.deepEqual(
    [tag.status, tag.headers.location],
    [201, `http://localhost:80/v2.1/servers/${uuid}/tags/x`],
  )
  assert.equal((await api.send(`PUT /servers/${uuid}/tags/x`, { at: '2.26' })).status, 204)
  assert.equal((await api.send(`PUT /servers/${uuid}/tags/a%2Cb`, { at: '2.26' })).status, 400)
  assert.equal((await api.send(`GET /servers/${uuid}/tags`, { at: '2.25' })).status, 404)
  assert.deepEqual(
    (await api.send(`POST /servers/${uuid}/metadata`, { body: { metadata: { k: 'v' } } })).body,
    {
      metadata: { k: 'v' },
    },
  )
  assert.equal((await api.send(`DELETE /servers/${uuid}/metadata/k`)).status, 204)
  assert.equal((await api.send(`GET /servers/${uuid}/metadata/k`)).status, 404)
})

test('actions are begun once the table of operations allows them', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  const act = (body: object, as: 'demo' | 'reader' | 'alt' = 'demo') =>
    api.send(`POST /servers/${uuid}/action`, { as, body })
  const early = await act({ 'os-stop': null })
  assert.deepEqual([early.status, message(early.body)], [409, `Instance ${uuid} is not ready`])
  await activate(api, uuid)
  assert.equal((await act({ 'os-start': null })).status, 409)
  assert.equal((await act({ reboot: { type: 'SIDEWAYS' } })).status, 400)
  assert.equal((await act({ reboot: { type: 'SOFT' } }, 'reader')).status, 403)
  assert.equal((await act({ reboot: { type: 'SOFT' } }, 'alt')).status, 404)
  assert.equal((await act({ reboot: { type: 'soft' } })).status, 202)
  const again = await act({ reboot: { type: 'SOFT' } })
  assert.deepEqual(
    [again.status, message(again.body)],
    [409, `Cannot 'reboot' instance ${uuid} while it is in task_state rebooting`],
  )
  assert.equal((await act({ reboot: { type: 'HARD' } })).status, 202)
  const db = api.db.typed<NovaDb>()
  assert.deepEqual(
    (await listLiveOperations(db, uuid)).map(({ saga }) => saga),
    ['build-server', 'reboot-server', 'reboot-server'],
  )
  await updateInstance(db, uuid, { locked: true, lockedBy: 'admin' }, { now: 1 })
  const locked = await api.send(`DELETE /servers/${uuid}`)
  assert.deepEqual([locked.status, message(locked.body)], [409, `Instance ${uuid} is locked`])
  await updateInstance(db, uuid, { locked: false, lockedBy: null }, { now: 1 })
  assert.equal((await api.send(`DELETE /servers/${uuid}`)).status, 204)
  assert.equal((await api.send(`DELETE /servers/${uuid}`)).status, 204)
  const deletes = (await listLiveOperations(db, uuid)).filter(({ saga }) => saga === 'delete-server')
  assert.equal(deletes.length, 1)
  assert.equal((await getInstance(db, uuid)).taskState, 'deleting')
})

test("console output is the host's to tell", async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  await api.bus.serve('compute.h1', {
    consoleOutput: async () => ({ outputBase64: Buffer.from('one\ntwo\r\n\u0007login:').toString('base64') }),
  })
  const output = (length?: unknown) =>
    api.send(`POST /servers/${uuid}/action`, {
      body: { 'os-getConsoleOutput': length === undefined ? {} : { length } },
    })
  assert.deepEqual((await output()).body, { output: 'one\ntwo\nlogin:' })
  assert.deepEqual((await output('1')).body, { output: 'login:' })
  assert.equal((await output('ten')).status, 400)
})
