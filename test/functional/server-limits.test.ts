/** A limit of servers on each host holds also for servers that are asked for at once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly status: string
  readonly 'OS-EXT-SRV-ATTR:host': string | null
  readonly fault?: { readonly message: string }
}

test('no host holds more servers than the limit, nor a zone more than its hosts', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-limits-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'nova.conf')
  writeFileSync(
    file,
    '[filter_scheduler]\nenabled_filters = ComputeFilter,NumInstancesFilter\nmax_instances_per_host = 1\n',
  )
  const cloud = await startCloud(t, { hosts: 3, configFiles: [file] })
  const admin = await cloud.as('admin')
  const { images } = (await admin.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const { aggregate } = (await admin.ok('compute', 'POST', '/os-aggregates', {
    aggregate: { name: 'one', availability_zone: 'az1' },
  })) as { aggregate: { id: number } }
  const action = { add_host: { host: 'fake-2' } }
  await admin.ok('compute', 'POST', `/os-aggregates/${aggregate.id}/action`, action)

  const make = (more: object) =>
    admin.ok('compute', 'POST', '/servers', {
      server: { name: 's', imageRef: images[0]?.id, flavorRef: '1', networks: 'none', ...more },
    })
  const settled = () =>
    eventually(async () => {
      const { servers } = (await admin.ok('compute', 'GET', '/servers/detail')) as { servers: Server[] }
      return servers.every(({ status }) => status === 'ACTIVE' || status === 'ERROR') && servers
    })
  await Promise.all([make({ availability_zone: 'az1' }), make({ availability_zone: 'az1' })])
  const [failed] = (await settled()).filter(({ status }) => status === 'ERROR')
  assert.match(
    failed?.fault?.message ?? '',
    /1 host has room for it, but of these 1 holds as many servers as it may/,
  )

  await Promise.all([make({ min_count: 2 }), make({}), make({})])
  const hosts = (await settled()).flatMap((server) => server['OS-EXT-SRV-ATTR:host'] ?? [])
  assert.equal(hosts.length, 3)
  assert.deepEqual(new Set(hosts), new Set(['fake-1', 'fake-2', 'fake-3']))
})
