/** Usage of projects, audits of it, and quota classes, through HTTP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeInstance, updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { PROJECT } from './compute-api.ts'
import { activate, message, startCloud } from './servers-there.ts'

const HOUR = 3_600_000

test('usage is told of living and deleted servers, by project, in pages', async (t) => {
  const api = await startCloud(t)
  const db = api.db.typed<NovaDb>()
  const [lives, died, unborn] = [await api.make(), await api.make(), await api.make()]
  const begin = Date.parse('2026-01-01T00:00:00Z')
  await activate(api, lives)
  await updateInstance(db, lives, { launchedAt: begin + HOUR }, { now: begin })
  await updateInstance(db, died, { launchedAt: begin, terminatedAt: begin + HOUR / 2 }, { now: begin })
  await removeInstance(db, died, { now: begin + HOUR / 2 })
  const path = `/os-simple-tenant-usage/${PROJECT}?start=2026-01-01T00:00:00&end=2026-01-01T03:00:00`
  const whole = await api.send(`GET ${path}`)
  assert.equal(whole.status, 200, whole.text)
  const usage = whole.body.tenant_usage as Record<string, unknown>
  assert.deepEqual(
    [usage.total_hours, usage.total_memory_mb_usage, usage.total_vcpus_usage, usage.total_local_gb_usage],
    [2.5, 320, 2.5, 2.5],
  )
  assert.deepEqual([usage.start, usage.stop], ['2026-01-01T00:00:00.000000', '2026-01-01T03:00:00.000000'])
  const servers = usage.server_usages as Record<string, unknown>[]
  assert.deepEqual(
    new Map(servers.map((server) => [server.instance_id, [server.state, server.hours, server.ended_at]])),
    new Map([
      [lives, ['active', 2, null]],
      [died, ['terminated', 0.5, '2026-01-01T00:30:00.000000']],
    ]),
  )
  assert.ok(!servers.some((server) => server.instance_id === unborn))

  const exact = await api.send(`GET /os-simple-tenant-usage/${PROJECT}?start=2026-01-01T00:00:00.236924`)
  assert.equal((exact.body.tenant_usage as { start: string }).start, '2026-01-01T00:00:00.236924')

  const seen: unknown[] = []
  let marker = ''
  for (;;) {
    const page = await api.send(`GET ${path}&limit=1${marker}`, { at: '2.40' })
    const { server_usages: found = [] } = page.body.tenant_usage as {
      server_usages?: { instance_id: string }[]
    }
    if (found.length === 0) break
    seen.push(...found.map((server) => server.instance_id))
    const [link] = page.body.tenant_usage_links as { href: string }[]
    assert.match(link?.href ?? '', /os-simple-tenant-usage\/a{32}\?.*limit=1.*marker=/)
    marker = `&marker=${found.at(-1)?.instance_id}`
  }
  assert.deepEqual(seen, [lives, died].sort())

  assert.equal((await api.send('GET /os-simple-tenant-usage')).status, 403)
  assert.equal((await api.send(`GET ${path}`, { as: 'alt' })).status, 403)
  const all = await api.send('GET /os-simple-tenant-usage?start=2026-01-01T00:00:00', { as: 'admin' })
  const [first] = all.body.tenant_usages as Record<string, unknown>[]
  assert.equal(first?.tenant_id, PROJECT)
  assert.ok(first && !('server_usages' in first))
  for (const query of ['start=x', 'end=2026-01-01', 'start=2026-01-02T00:00:00&end=2026-01-01T00:00:00'])
    assert.equal((await api.send(`GET /os-simple-tenant-usage?${query}`, { as: 'admin' })).status, 400)
  const lost = await api.send('GET /os-simple-tenant-usage?marker=x', { as: 'admin', at: '2.40' })
  assert.equal(message(lost.body), 'Marker x could not be found.')
})

test('the audit log names the computes that audited nothing', async (t) => {
  const api = await startCloud(t)
  const service = { binary: 'nova-compute', host: 'h1', topic: 'compute', version: 66 }
  const uuid = '12345678-0000-4000-8000-000000000001'
  await reportService(api.db.typed<NovaDb>(), { ...service, uuid }, { now: Date.now() })
  assert.equal((await api.send('GET /os-instance_usage_audit_log')).status, 403)
  const path = `GET /os-instance_usage_audit_log/${encodeURIComponent('2026-03-05 10:00:00')}`
  const { body } = await api.send(path, { as: 'admin' })
  const log = body.instance_usage_audit_log as Record<string, unknown>
  assert.deepEqual(
    [log.period_beginning, log.period_ending, log.hosts_not_run, log.overall_status],
    ['2026-02-01 00:00:00', '2026-03-01 00:00:00', ['h1'], '0 of 1 hosts done. 0 errors.'],
  )
  const bad = await api.send('GET /os-instance_usage_audit_log/2026', { as: 'admin' })
  assert.deepEqual([bad.status, message(bad.body)], [400, 'Invalid timestamp for date 2026'])
})

test('the default class stands in for configured limits; the network service’s are kept and told', async (t) => {
  const api = await startCloud(t)
  const path = '/os-quota-class-sets/default'
  const body = { quota_class_set: { instances: '1', floating_ips: 7 } }
  assert.equal((await api.send(`PUT ${path}`, { body })).status, 403)
  const put = await api.send(`PUT ${path}`, { as: 'admin', at: '2.1', body })
  const answered = put.body.quota_class_set as Record<string, unknown>
  assert.deepEqual(
    [put.status, answered.instances, answered.floating_ips, answered.id],
    [200, 1, 7, undefined],
  )
  const shown = (await api.send(`GET ${path}`, { as: 'admin', at: '2.50' })).body.quota_class_set
  assert.equal((shown as Record<string, unknown>).id, 'default')
  assert.ok(!('floating_ips' in (shown as object)))
  await api.make()
  const server = { name: 's', imageRef: api.there.images[0]?.id, flavorRef: '42', networks: 'none' }
  const over = await api.send('POST /servers', { at: '2.37', body: { server } })
  assert.equal(over.status, 403, over.text)
  assert.equal(
    message(over.body),
    'Quota exceeded for instances: Requested 1, but already used 1 of 1 instances',
  )
})

test('a user’s quota is of the user’s servers, and the project’s is of all', async (t) => {
  const api = await startCloud(t)
  const path = `/os-quota-sets/${PROJECT}`
  const set = async (query: string, instances: number) => {
    const answer = await api.send(`PUT ${path}${query}`, { as: 'admin', body: { quota_set: { instances } } })
    assert.equal(answer.status, 200, answer.text)
  }
  const create = async (as: 'demo' | 'manager') => {
    const server = { name: 's', imageRef: api.there.images[0]?.id, flavorRef: '42', networks: 'none' }
    const answer = await api.send('POST /servers', { as, at: '2.37', body: { server } })
    return answer.status === 202 ? undefined : message(answer.body)
  }
  const over = (used: number, limit: number) =>
    `Quota exceeded for instances: Requested 1, but already used ${used} of ${limit} instances`
  await set('', 3)
  await set('?user_id=demo-user', 2)
  assert.equal(await create('manager'), undefined)
  assert.equal(await create('demo'), undefined)
  assert.equal(await create('demo'), undefined, 'two of its own, beside one of another')
  assert.equal(await create('demo'), over(3, 3))
  await set('', 9)
  assert.equal(await create('demo'), over(2, 2))
  assert.equal(await create('manager'), undefined)
})
