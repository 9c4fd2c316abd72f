/** Server groups in a whole cloud: servers that are made at once are kept apart, or together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly status: string
  readonly server_groups: readonly string[]
  readonly 'OS-EXT-SRV-ATTR:host': string | null
  readonly 'OS-EXT-STS:task_state': string | null
  readonly fault?: { readonly message: string }
}

test('servers of a group that are made at once are where its policy says', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 })
  const admin = await cloud.as('admin')
  const { images } = (await admin.ok('image', 'GET', '/images')) as { images: { id: string }[] }

  const make = async (policy: string, names: readonly string[], rules: object = {}) => {
    const wish = { name: policy, policy, ...(Object.keys(rules).length > 0 && { rules }) }
    const { server_group: group } = (await admin.ok('compute', 'POST', '/os-server-groups', {
      server_group: wish,
    })) as { server_group: { id: string } }
    const made = await Promise.all(
      names.map((name) =>
        admin.ok('compute', 'POST', '/servers', {
          server: { name, imageRef: images[0]?.id, flavorRef: '1', networks: 'none' },
          'os:scheduler_hints': { group: group.id },
        }),
      ),
    )
    const ids = made.map((body) => (body as { server: { id: string } }).server.id)
    const show = async (id: string) =>
      ((await admin.ok('compute', 'GET', `/servers/${id}`)) as { server: Server }).server
    const isSettled = async () =>
      (await Promise.all(ids.map(show))).every(({ status }) => status === 'ACTIVE' || status === 'ERROR')
    await eventually(isSettled, { what: `servers of ${policy}`, withinMs: 60_000 })
    return { groupId: group.id, servers: await Promise.all(ids.map(show)) }
  }
  const hostsOf = (servers: readonly Server[]) =>
    servers.flatMap((server) => server['OS-EXT-SRV-ATTR:host'] ?? []).toSorted()

  const apart = await make('anti-affinity', ['a1', 'a2', 'a3', 'a4'])
  assert.deepEqual(hostsOf(apart.servers), ['fake-1', 'fake-2', 'fake-3'])
  const [failed] = apart.servers.filter(({ status }) => status === 'ERROR')
  assert.match(failed?.fault?.message ?? '', /^No valid host was found\./)
  assert.deepEqual(failed?.server_groups, [apart.groupId])

  const pairs = await make('anti-affinity', ['p1', 'p2', 'p3', 'p4'], { max_server_per_host: 2 })
  const counts = Map.groupBy(hostsOf(pairs.servers), (host) => host)
  assert.equal(hostsOf(pairs.servers).length, 4)
  assert.ok([...counts.values()].every((some) => some.length <= 2))

  const together = await make('affinity', ['t1', 't2'])
  assert.equal(hostsOf(together.servers).length, 2)
  assert.equal(new Set(hostsOf(together.servers)).size, 1)
})

test('servers of a group that are moved at once stay where its policy says', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 })
  const admin = await cloud.as('admin')
  const { images } = (await admin.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const { server_group: group } = (await admin.ok('compute', 'POST', '/os-server-groups', {
    server_group: { name: 'g', policy: 'anti-affinity' },
  })) as { server_group: { id: string } }
  const show = async (id: string) =>
    ((await admin.ok('compute', 'GET', `/servers/${id}`)) as { server: Server }).server
  const settled = (id: string, word: RegExp) =>
    eventually(
      async () => {
        const server = await show(id)
        return server['OS-EXT-STS:task_state'] === null && word.test(server.status) && server
      },
      { what: `${word} of ${id}`, withinMs: 60_000 },
    )
  const make = async (name: string): Promise<string> => {
    const body = (await admin.ok('compute', 'POST', '/servers', {
      server: { name, imageRef: images[0]?.id, flavorRef: '1', networks: 'none' },
      'os:scheduler_hints': { group: group.id },
    })) as { server: { id: string } }
    await settled(body.server.id, /ACTIVE/)
    return body.server.id
  }
  const [a, b] = [await make('a'), await make('b')]
  const act = (id: string, body: object) => admin.ok('compute', 'POST', `/servers/${id}/action`, body)
  const where = async (id: string) => (await show(id))['OS-EXT-SRV-ATTR:host']

  // Only one host is left, for one of them, until that one has moved.
  await Promise.all([act(a, { migrate: {} }), act(b, { migrate: {} })])
  const ends = await Promise.all([a, b].map((id) => settled(id, /ACTIVE|VERIFY_RESIZE/)))
  assert.notEqual(await where(a), await where(b))

  const [moved, stayed] = ends[0]?.status === 'VERIFY_RESIZE' ? [a, b] : [b, a]
  await act(moved, { confirmResize: null })
  await settled(moved, /ACTIVE/)
  const host = await where(stayed)
  await act(moved, { 'os-migrateLive': { host, block_migration: 'auto' } })
  await settled(moved, /ACTIVE/)
  assert.notEqual(await where(moved), host, 'a host that is asked for must pass the filters')
})
