/** The Glance stand-in over HTTP: by the client that Nova uses, by owners, by strangers. */
import { isFault } from '#lib/fault.ts'
import { randomIds } from '#lib/ids.ts'
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { DATA, MAX_IMAGE_BYTES, startGlance } from './glance-cloud.ts'
import { bodyOf } from './keystone-cloud.ts'

/** Of JSON Patch's fourth draft, which old clients and Tempest speak. */
const DRAFT_4 = 'application/openstack-images-v2.0-json-patch'

test('what is uploaded is what Nova downloads, with its checksums, in whole and in part', async (t) => {
  const { cloud, images, make, put, call, storeDir, url } = await startGlance(t)
  const token = await cloud.token('demo')
  const data = randomBytes(200_000)
  const id = await make(token, { name: 'disk', min_disk: 1, min_ram: 64, hw_disk_bus: 'virtio', tags: ['a'] })

  assert.equal((await images.findAsService(id))?.status, 'queued')
  await assert.rejects(images.download(id), (error) => isFault(error, 'conflict'))
  assert.equal((await put(token, id, data)).status, 204)
  assert.equal((await put(token, id, data)).status, 409)

  const image = await images.find(id, { token })
  assert.deepEqual(image, {
    id,
    name: 'disk',
    status: 'active',
    visibility: 'shared',
    owner: bodyOf(await call(token, 'GET', `/v2/images/${id}`)).owner,
    diskFormat: 'raw',
    containerFormat: 'bare',
    size: data.length,
    virtualSize: data.length,
    minDiskGb: 1,
    minRamMb: 64,
    checksum: createHash('md5').update(data).digest('hex'),
    osHashAlgo: 'sha512',
    osHashValue: createHash('sha512').update(data).digest('hex'),
    properties: { hw_disk_bus: 'virtio' },
  })
  assert.deepEqual(await buffer(await images.download(id)), data)
  const part = await cloud.http.stream({
    method: 'GET',
    url: `${url}/v2/images/${id}/file`,
    headers: { 'x-auth-token': token, range: 'bytes=10-19' },
  })
  assert.deepEqual([part.status, await buffer(part.body)], [206, data.subarray(10, 20)])

  assert.equal((await call(token, 'DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual(await readdir(storeDir), [])
  assert.equal(await images.findAsService(id), undefined)
  assert.equal((await call(token, 'POST', '/v2/images', { id })).status, 409)
})

test('strangers see nothing of what is not theirs; sharing, publishing and rights go by the book', async (t) => {
  const { cloud, images, make, call, patch, put } = await startGlance(t)
  const [demo, alt, admin, reader] = await Promise.all(
    ['demo', 'alt', 'admin', 'reader'].map((name) => cloud.token(name)),
  )
  assert.ok(demo && alt && admin && reader)
  const altProject = bodyOf(await cloud.call(alt, 'GET', '/v3/auth/projects')).projects[0].id as string
  const listed = async (token: string, query = '') =>
    bodyOf(await call(token, 'GET', `/v2/images${query}`)).images.map(
      (each: { id: string }) => each.id,
    ) as string[]
  const id = await make(demo, {}, Buffer.from('data'))

  for (const path of ['', '/file', '/members'])
    assert.equal((await call(alt, 'GET', `/v2/images/${id}${path}`)).status, 404, path)
  for (const [method, path, json] of [
    ['DELETE', ''],
    ['PUT', '/tags/x'],
    ['POST', '/actions/deactivate'],
    ['POST', '/members', { member: altProject }],
  ] as const) {
    assert.equal((await call(alt, method, `/v2/images/${id}${path}`, json)).status, 404, `${method} ${path}`)
  }
  assert.equal((await patch(alt, id, [{ op: 'replace', path: '/name', value: 'mine' }])).status, 404)
  assert.equal((await put(alt, id, Buffer.from('x'))).status, 404)
  assert.equal(await images.find(id, { token: alt }), undefined)
  assert.deepEqual([await listed(alt), await listed(admin), await listed(reader)], [[], [id], [id]])
  assert.equal((await call(alt, 'GET', `/v2/images?marker=${id}`)).status, 400)

  // Made for another project, it is that one's to see.
  const wish = {
    name: 's',
    diskFormat: null,
    containerFormat: null,
    minDiskGb: 0,
    minRamMb: 0,
    properties: {},
  }
  const forAlt = await images.create({ ...wish, sharedWith: altProject }, { token: demo })
  assert.equal((await images.find(forAlt.id, { token: alt }))?.visibility, 'shared')
  await images.remove(forAlt.id)

  // A reader reads its project's, and changes nothing.
  assert.equal((await call(reader, 'GET', `/v2/images/${id}`)).status, 200)
  assert.equal((await call(reader, 'POST', '/v2/images', {})).status, 403)
  assert.equal((await call(reader, 'DELETE', `/v2/images/${id}`)).status, 403)

  // Shared: seen at once by who knows it, listed when accepted; only the member accepts.
  assert.equal((await call(demo, 'POST', `/v2/images/${id}/members`, { member: altProject })).status, 200)
  assert.equal((await call(demo, 'POST', `/v2/images/${id}/members`, { member: altProject })).status, 409)
  assert.equal((await call(alt, 'GET', `/v2/images/${id}`)).status, 200)
  assert.deepEqual(
    [await listed(alt), await listed(alt, '?member_status=pending&visibility=shared')],
    [[], [id]],
  )
  assert.equal(
    (await call(demo, 'PUT', `/v2/images/${id}/members/${altProject}`, { status: 'accepted' })).status,
    403,
  )
  assert.equal(
    (await call(alt, 'PUT', `/v2/images/${id}/members/${altProject}`, { status: 'accepted' })).status,
    200,
  )
  assert.deepEqual(await listed(alt), [id])
  assert.equal((await call(alt, 'GET', `/v2/images/${id}/file`)).status, 200)
  assert.equal((await patch(alt, id, [{ op: 'replace', path: '/name', value: 'mine' }])).status, 403)
  assert.equal((await call(alt, 'POST', `/v2/images/${id}/members`, { member: 'friend' })).status, 403)
  assert.equal((await call(demo, 'DELETE', `/v2/images/${id}/members/${altProject}`)).status, 204)
  assert.equal((await call(alt, 'GET', `/v2/images/${id}`)).status, 404)

  // Public is for administrators to say, whichever way it is asked.
  assert.equal((await call(demo, 'POST', '/v2/images', { visibility: 'public' })).status, 403)
  assert.equal((await call(demo, 'POST', '/v2/images', { owner: altProject })).status, 403)
  assert.equal((await patch(demo, id, [{ op: 'replace', path: '/visibility', value: 'public' }])).status, 403)
  assert.equal((await patch(demo, id, [{ op: 'replace', path: '/owner', value: altProject }])).status, 403)
  assert.equal(
    (await patch(admin, id, [{ op: 'replace', path: '/visibility', value: 'public' }])).status,
    200,
  )
  assert.deepEqual(await listed(alt), [id])
  assert.equal((await call(alt, 'DELETE', `/v2/images/${id}`)).status, 403)

  // Put aside: kept from all but administrators.
  assert.equal((await call(demo, 'POST', `/v2/images/${id}/actions/deactivate`)).status, 204)
  assert.equal((await call(demo, 'GET', `/v2/images/${id}/file`)).status, 403)
  assert.equal((await call(admin, 'GET', `/v2/images/${id}/file`)).status, 200)
  assert.equal((await call(demo, 'POST', `/v2/images/${id}/actions/reactivate`)).status, 204)

  // Nobody at all: no token, a made-up one, a scope without a project.
  for (const token of ['', 'kt1-AAAA']) assert.equal((await call(token, 'GET', '/v2/images')).status, 401)
  assert.equal((await call(await cloud.token('demo', 'unscoped'), 'GET', '/v2/images')).status, 403)
})

test('a patch changes what may be changed, and all of it or nothing', async (t) => {
  const { cloud, make, call, patch, put } = await startGlance(t)
  const token = await cloud.token('demo')
  const id = await make(token, { mine: 'a' }, Buffer.from('data'))
  const show = async () => bodyOf(await call(token, 'GET', `/v2/images/${id}`))

  const changed = await patch(token, id, [
    { op: 'replace', path: '/name', value: 'new' },
    { op: 'add', path: '/tags', value: ['b', 'b', 'a'] },
    { op: 'add', path: '/odd~1key~0', value: 'x' },
    { op: 'replace', path: '/mine', value: 'b' },
    { op: 'replace', path: '/protected', value: true },
  ])
  assert.equal(changed.status, 200, changed.text)
  assert.equal((await patch(token, id, [{ replace: '/mine', value: 'c' }], DRAFT_4)).status, 200)
  assert.equal((await show()).mine, 'c')
  assert.equal((await patch(token, id, [{ replace: '/mine', value: 'b' }], DRAFT_4)).status, 200)
  const now = await show()
  assert.deepEqual(
    [now.name, now.tags, now['odd/key~'], now.mine, now.protected],
    ['new', ['a', 'b'], 'x', 'b', true],
  )
  assert.equal((await call(token, 'DELETE', `/v2/images/${id}`)).status, 403)

  const before = await show()
  const first = { op: 'replace', path: '/name', value: 'no' }
  const refused: [unknown, number][] = [
    [{ op: 'replace', path: '/status', value: 'queued' }, 403],
    [{ op: 'replace', path: '/id', value: randomIds.uuid() }, 403],
    [{ op: 'replace', path: '/checksum', value: 'x' }, 403],
    [{ op: 'add', path: '/locations', value: [{ url: 'file:///etc/passwd' }] }, 403],
    [{ op: 'add', path: '/os_glance_importing', value: 'x' }, 403],
    [{ op: 'replace', path: '/disk_format', value: 'qcow2' }, 403],
    [{ op: 'remove', path: '/name' }, 403],
    [{ op: 'remove', path: '/gone' }, 409],
    [{ op: 'replace', path: '/gone', value: 'x' }, 409],
    [{ op: 'add', path: '/number', value: 1 }, 400],
    [{ op: 'replace', path: '/min_ram', value: -1 }, 400],
    [{ op: 'replace', path: '/min_ram', value: 2 ** 40 }, 400],
    [{ op: 'replace', path: '/visibility', value: 'everybody' }, 400],
    [{ op: 'add', path: '/a/b', value: 'x' }, 400],
    [{ op: 'add', path: 'a', value: 'x' }, 400],
    [{ op: 'add', path: '/__proto__', value: 'x' }, 400],
    [{ op: 'move', from: '/mine', path: '/b' }, 400],
    [{ op: 'add', path: '/a' }, 400],
    ['x', 400],
    [null, 400],
  ]
  for (const [change, status] of refused) {
    assert.equal((await patch(token, id, [first, change])).status, status, JSON.stringify(change))
  }
  assert.equal((await patch(token, id, { op: 'add' })).status, 400)
  assert.equal((await call(token, 'PATCH', `/v2/images/${id}`, [first])).status, 415)
  assert.equal((await put(token, id, Buffer.from('x'), { 'content-type': 'text/plain' })).status, 415)
  for (const change of [first, { add: '/a', remove: '/a', value: 'x' }])
    assert.equal((await patch(token, id, [change], DRAFT_4)).status, 400)
  const many = Array.from({ length: 200 }, (_unused, n) => ({ op: 'add', path: `/p${n}`, value: 'x' }))
  assert.equal((await patch(token, id, many)).status, 400)
  assert.deepEqual(await show(), before)

  // Two at once: neither is lost.
  const both = await Promise.all(
    ['x', 'y', 'z'].map((tag) => call(token, 'PUT', `/v2/images/${id}/tags/${tag}`)),
  )
  assert.deepEqual(
    both.map((answer) => answer.status),
    [204, 204, 204],
  )
  assert.deepEqual((await show()).tags, ['a', 'b', 'x', 'y', 'z'])
})

test('a bad upload leaves the image queued and nothing on disk', async (t) => {
  const { cloud, make, call, put, storeDir, url, restart } = await startGlance(t)
  const token = await cloud.token('demo')
  const statusOf = async (id: string) => bodyOf(await call(token, 'GET', `/v2/images/${id}`)).status as string
  const backed = Buffer.alloc(MAX_IMAGE_BYTES / 2)
  backed.write('QFI\xfb\0\0\0\x03\0\0\0\0\0\0\0\x70', 'latin1')

  const id = await make(token, { disk_format: 'qcow2' })
  assert.equal((await put(token, id, backed)).status, 415)
  assert.equal((await put(token, id, Buffer.from('not qcow2'))).status, 415)
  const raw = await make(token)
  assert.equal((await put(token, raw, randomBytes(MAX_IMAGE_BYTES + 1))).status, 413)
  const bare = bodyOf(await call(token, 'POST', '/v2/images', { name: 'no formats' })).id as string
  assert.equal((await put(token, bare, Buffer.from('x'))).status, 400)

  // Cut off in the middle.
  const cut = httpRequest(`${url}/v2/images/${raw}/file`, {
    method: 'PUT',
    headers: { 'x-auth-token': token, ...DATA, 'content-length': 1_000_000 },
  })
  cut.on('error', () => {})
  cut.write(Buffer.alloc(100_000))
  await eventually(async () => (await statusOf(raw)) === 'saving')
  cut.destroy()
  await eventually(async () => (await statusOf(raw)) === 'queued')
  assert.deepEqual(
    [await statusOf(id), await statusOf(bare), await readdir(storeDir)],
    ['queued', 'queued', []],
  )
  assert.equal((await put(token, raw, Buffer.from('at last'))).status, 204)

  // What a crash leaves is cleared at the next start; what is whole stays.
  await cloud.db
    .typed<{ glance_image: { id: string; status: string } }>()
    .updateTable('glance_image')
    .set({ status: 'saving' })
    .where('id', '=', id)
    .execute()
  await writeFile(join(storeDir, `${id}.part`), 'half')
  await restart()
  assert.deepEqual([await statusOf(id), await readdir(storeDir)], ['queued', [raw]])
})

test('pages hold every image once, in order, whatever it is sorted by; filters filter', async (t) => {
  const { cloud, make, call } = await startGlance(t)
  const token = await cloud.token('admin')
  for (let n = 0; n < 7; n += 1) {
    cloud.clock.at += n % 2 === 0 ? 1000 : 0
    await make(token, {
      name: n === 3 ? null : `n${n % 3}`,
      disk_format: n < 3 ? 'qcow2' : 'raw',
      flavour: `f${n % 2}`,
      tags: n === 5 ? ['five'] : [],
      min_ram: n,
    })
  }
  const walk = async (query: string): Promise<{ id: string; name: string | null; created_at: string }[]> => {
    const seen = []
    let next: string | undefined = `/v2/images?limit=2${query}`
    while (next !== undefined) {
      const page: { images: { id: string; name: string | null; created_at: string }[]; next?: string } =
        bodyOf(await call(token, 'GET', next))
      seen.push(...page.images)
      next = page.next
    }
    return seen
  }
  for (const query of [
    '',
    '&sort=name:asc',
    '&sort_key=size&sort_dir=asc',
    '&sort_key=disk_format&sort_key=name&sort_dir=desc',
  ]) {
    assert.equal(new Set((await walk(query)).map((image) => image.id)).size, 7, query)
  }
  const names = (await walk('&sort=name:asc')).map((image) => image.name ?? '')
  assert.deepEqual(names, [...names].sort())
  const times = (await walk('')).map((image) => image.created_at)
  assert.deepEqual(times, [...times].sort().reverse())

  const counts: [string, number][] = [
    ['name=n1', 2],
    ['name=in:n1,n2', 4],
    ['disk_format=qcow2', 3],
    ['flavour=f1', 3],
    ['flavour=f1&disk_format=raw', 2],
    ['tag=five', 1],
    ['tag=five&tag=six', 0],
    ['min_ram=4', 1],
    ['status=active', 0],
    ['os_hidden=true', 0],
    ['visibility=private', 0],
    [`created_at=gte:${times[0]!}`, times.filter((time) => time === times[0]).length],
    ["name=' or 1=1 --", 0],
    ['limit=0', 0],
  ]
  for (const [query, count] of counts)
    assert.equal(
      bodyOf(await call(token, 'GET', `/v2/images?${encodeURI(query)}`)).images.length,
      count,
      query,
    )
  for (const query of [
    'limit=-1',
    'limit=x',
    'sort_key=password',
    'sort=name:up',
    'marker=none',
    'visibility=all-of-it',
    'created_at=soon',
    'os_hidden=2',
    'a=%00',
    'size_min=x',
  ]) {
    assert.equal((await call(token, 'GET', `/v2/images?${query}`)).status, 400, query)
  }
})

test('odd ids and bodies are refused, none reaches a file', async (t) => {
  const { cloud, call, put } = await startGlance(t)
  const token = await cloud.token('admin')
  for (const id of ['..%2f..%2fetc%2fpasswd', '%00', 'A'.repeat(1000), '{id}', '0']) {
    assert.equal((await call(token, 'GET', `/v2/images/${id}`)).status, 404, id)
    assert.equal((await put(token, id, Buffer.from('x'))).status, 404, id)
  }
  const bodies: unknown[] = [
    { id: '../../etc/passwd' },
    { id: 7 },
    { name: 7 },
    { name: 'x'.repeat(256) },
    { tags: [1] },
    { tags: 'x' },
    { min_disk: 1.5 },
    { protected: 'yes' },
    { disk_format: 'exe' },
    { x: {} },
    { x: 'a\u0000b' },
    { '': 'x' },
    [],
    'x',
  ]
  for (const body of bodies)
    assert.equal((await call(token, 'POST', '/v2/images', body)).status, 400, JSON.stringify(body))
  assert.equal((await call(token, 'POST', '/v2/images', { status: 'active' })).status, 403)
  assert.equal((await call(token, 'POST', '/v2/images', { x: 'x'.repeat(2_000_000) })).status, 413)
  assert.equal((await call(token, 'GET', '/v2/schemas/image')).status, 200)
  assert.equal((await call(token, 'GET', '/v2/schemas/constructor')).status, 404)
  const metadefs = '/v2/metadefs/namespaces'
  assert.deepEqual(bodyOf(await call(token, 'GET', `${metadefs}?resource_types=OS::Nova::Flavor`)), {
    namespaces: [],
    schema: '/v2/schemas/metadefs/namespaces',
    first: `${metadefs}?resource_types=OS::Nova::Flavor`,
  })
  assert.equal((await call(token, 'GET', '/v2/schemas/metadefs/namespace')).status, 200)
  assert.equal((await call(token, 'GET', `${metadefs}/OS::Compute::Libvirt`)).status, 404)
  assert.equal((await call('nobody', 'GET', metadefs)).status, 401)
})
