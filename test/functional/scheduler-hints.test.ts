/** Where servers go that name others in their hints: beside them, apart from them, and what is said when neither can be. */
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

const FILTERS = 'ComputeFilter,SameHostFilter,DifferentHostFilter,JsonFilter,SimpleCIDRAffinityFilter'

test('servers are made beside others, apart from others, and where a query says', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-hints-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'nova.conf')
  writeFileSync(file, `[filter_scheduler]\nenabled_filters = ${FILTERS}\n`)
  const cloud = await startCloud(t, { hosts: 3, configFiles: [file] })
  const [demo, admin] = await Promise.all([cloud.as('demo'), cloud.as('admin')])
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }

  const bodyOf = (hints: object) => ({
    server: { name: 's', imageRef: images[0]?.id, flavorRef: '1', networks: 'none' },
    'os:scheduler_hints': hints,
  })
  const make = async (hints: object) => {
    const { server } = (await demo.ok('compute', 'POST', '/servers', bodyOf(hints))) as {
      server: { id: string }
    }
    const made = await eventually(async () => {
      const shown = ((await admin.ok('compute', 'GET', `/servers/${server.id}`)) as { server: Server }).server
      return shown.status === 'ACTIVE' || shown.status === 'ERROR' ? shown : undefined
    })
    const host = made['OS-EXT-SRV-ATTR:host']
    return { id: server.id, host, status: made.status, told: made.fault?.message ?? '' }
  }

  const first = await make({})
  const second = await make({ different_host: first.id })
  const third = await make({ different_host: [first.id, second.id] })
  const hosts = [first, second, third].map(({ host }) => host)
  assert.deepEqual(new Set(hosts), new Set(['fake-1', 'fake-2', 'fake-3']))
  const [beside, asked] = await Promise.all([
    make({ same_host: [second.id] }),
    make({ query: JSON.stringify(['=', '$host', 'fake-2']) }),
  ])
  assert.deepEqual([beside.host, asked.host], [second.host, 'fake-2'])

  const told = await Promise.all(
    [
      { different_host: [first.id, second.id, third.id] },
      { same_host: '6a5a3a2e-0000-4000-8000-000000000000' },
      { query: '['.repeat(30_000) },
      { build_near_host_ip: '203.0.113.9', cidr: '/30' },
    ].map(async (hints) => (await make(hints)).told),
  )
  const why = [
    /^No valid host was found\. .* 3 hold a server that it is to be apart from\.$/,
    /3 hold none of the servers that it is to be on one host with\.$/,
    /3 are refused since the query that was asked is no JSON\.$/,
    /3 are not in the network that was asked for\.$/,
  ]
  for (const [at, words] of why.entries()) assert.match(told[at] ?? '', words)
})
