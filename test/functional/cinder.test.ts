/** The stand-in for Cinder over HTTP: what its clients ask for, whose what is, limits, and what a crash leaves. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Caller } from '#neighbours/volumes/index.ts'
import { eventually } from '../eventually.ts'
import { startCinder, type VolumeCloud } from './cinder-cloud.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes, checked by assertions
const bodyOf = (answer: { json: unknown }): any => answer.json

async function make(
  cloud: VolumeCloud,
  caller: Caller,
  volume: object,
  settled = 'available',
): Promise<string> {
  const answer = await cloud.call(caller, 'POST', '/volumes', { volume })
  assert.equal(answer.status, 202, answer.text)
  const { id } = bodyOf(answer).volume
  await eventually(async () => {
    const { status } = bodyOf(await cloud.call(caller, 'GET', `/volumes/${id}`)).volume
    return status === settled
  })
  return id
}

test('what clients do with volumes: made, listed, filtered, paged, changed, grown, marked', async (t) => {
  const cloud = await startCinder(t)
  const demo = await cloud.caller('demo')
  const id = await make(cloud, demo, { size: 1, name: 'one', description: 'first', metadata: { a: 'b' } })
  assert.equal((await stat(join(cloud.storeDir, id))).size, 2 ** 30)
  const other = await make(cloud, demo, { size: '2', name: 'two' })
  const names = async (query: string) =>
    bodyOf(await cloud.call(demo, 'GET', `/volumes${query}`)).volumes.map((one: { name: string }) => one.name)
  assert.deepEqual(await names('?name=two'), ['two'])
  assert.deepEqual(await names('/detail?sort=name:asc'), ['one', 'two'])
  assert.deepEqual(await names(`/detail?metadata=${encodeURIComponent("{'a': 'b'}")}`), ['one'])
  assert.deepEqual(await names('?sort=size:desc&limit=1'), ['two'])
  assert.deepEqual(await names(`?sort=size:desc&limit=1&marker=${other}`), ['one'])
  const page = bodyOf(await cloud.call(demo, 'GET', '/volumes?limit=1'))
  const counted = async (query: string, minor?: number) =>
    (await cloud.call(demo, 'GET', `/volumes${query}`, undefined, minor)).json
  assert.deepEqual(bodyOf({ json: await counted('?with_count=True&limit=1', 45) }).count, 2)
  assert.equal(bodyOf({ json: await counted('?with_count=True', 44) }).count, undefined)
  assert.match(page.volumes_links[0].href, /\/v3\/[0-9a-f]{32}\/volumes\?limit=1&marker=/)

  const renamed = await cloud.call(demo, 'PUT', `/volumes/${id}`, { volume: { name: 'new' } })
  assert.deepEqual([bodyOf(renamed).volume.name, bodyOf(renamed).volume.description], ['new', 'first'])
  const path = `/volumes/${id}`
  await cloud.call(demo, 'POST', `${path}/metadata`, { metadata: { c: 'd' } })
  assert.equal((await cloud.call(demo, 'DELETE', `${path}/metadata/a`)).status, 200)
  assert.equal((await cloud.call(demo, 'DELETE', `${path}/metadata/a`)).status, 404)
  assert.deepEqual(bodyOf(await cloud.call(demo, 'GET', `${path}/metadata`)).metadata, { c: 'd' })

  const act = async (body: object) => (await cloud.call(demo, 'POST', `${path}/action`, body)).status
  assert.equal(await act({ 'os-extend': { new_size: 1 } }), 400)
  assert.equal(await act({ 'os-extend': { new_size: 3 } }), 202)
  await eventually(async () => (await stat(join(cloud.storeDir, id))).size === 3 * 2 ** 30)
  assert.equal(await act({ 'os-set_bootable': { bootable: true } }), 200)
  assert.equal(await act({ 'os-reset_status': { status: 'error' } }), 403)
  const shown = bodyOf(await cloud.call(demo, 'GET', path)).volume
  assert.deepEqual([shown.bootable, shown.size, shown.volume_type], ['true', 3, '__DEFAULT__'])
  assert.equal(shown['os-vol-host-attr:host'], undefined, 'for admins only')
})

test('a volume is its project’s; a reader changes nothing; what is used stays', async (t) => {
  const cloud = await startCinder(t)
  const [demo, reader, alt, admin] = await Promise.all(['demo', 'reader', 'alt', 'admin'].map(cloud.caller))
  assert.ok(demo && reader && alt && admin)
  const id = await make(cloud, demo, { size: 1 })
  const status = async (who: Caller, method: string, path: string, json?: object, minor?: number) =>
    (await cloud.call(who, method, path, json, minor)).status
  assert.equal(await status(alt, 'GET', `/volumes/${id}`), 404)
  assert.equal(await status(alt, 'DELETE', `/volumes/${id}`), 404)
  assert.equal(await status({ ...alt, projectId: demo.projectId }, 'GET', '/volumes'), 400)
  assert.equal(await status({ ...demo, token: 'x' }, 'GET', '/volumes'), 401)
  assert.equal(await status(reader, 'GET', `/volumes/${id}`), 200)
  assert.equal(await status(reader, 'POST', '/volumes', { volume: { size: 1 } }), 403)
  assert.equal(await status(reader, 'DELETE', `/volumes/${id}`), 403)
  const counts = await Promise.all(
    ['', '?all_tenants=1'].map(async (query) => bodyOf(await cloud.call(admin, 'GET', `/volumes${query}`))),
  )
  assert.deepEqual(
    counts.map(({ volumes }) => volumes.length),
    [0, 1],
  )
  assert.equal(await status(demo, 'GET', '/attachments', undefined, 26), 404)
  assert.equal(await status(demo, 'GET', '/volumes', undefined, 99), 406)

  const reserved = await cloud.volumes.reserve(id, randomUUID())
  assert.equal(await status(demo, 'DELETE', `/volumes/${id}`), 400)
  assert.equal(await status(alt, 'DELETE', `/attachments/${reserved.id}`), 404)
  assert.equal(await status(demo, 'POST', '/snapshots', { snapshot: { volume_id: id } }), 400)
  await cloud.volumes.release(reserved.id)
  const wish = { snapshot: { volume_id: id, name: 's' } }
  const { snapshot } = bodyOf(await cloud.call(demo, 'POST', '/snapshots', wish))
  assert.equal(await status(demo, 'DELETE', `/snapshots/${snapshot.id}`), 202, 'however soon it is asked')
  await cloud.call(demo, 'POST', '/snapshots', wish)
  assert.equal(await status(demo, 'DELETE', `/volumes/${id}`), 400, 'it has a snapshot')
  assert.equal(await status(demo, 'DELETE', `/volumes/${id}?cascade=true`), 202)
  await eventually(async () => (await readdir(cloud.storeDir)).length === 0)
})

test('a volume of an image holds its bytes; a volume is never smaller; quotas hold when many ask at once', async (t) => {
  const cloud = await startCinder(t)
  const demo = await cloud.caller('demo')
  const data = Buffer.from('boot me')
  const head = (id: string) => buffer(createReadStream(join(cloud.storeDir, id), { end: data.length - 1 }))
  const imageRef = await cloud.images.make(demo.token, { hw_disk_bus: 'virtio', min_disk: 2 }, data)
  const small = await cloud.call(demo, 'POST', '/volumes', { volume: { size: 1, imageRef } })
  assert.equal(small.status, 400)
  const id = await make(cloud, demo, { size: 2, imageRef })
  assert.deepEqual(await head(id), data)
  const shown = bodyOf(await cloud.call(demo, 'GET', `/volumes/${id}`)).volume
  assert.deepEqual(
    [shown.bootable, shown.volume_image_metadata.image_id, shown.volume_image_metadata.hw_disk_bus],
    ['true', imageRef, 'virtio'],
  )
  const clone = await make(cloud, demo, { source_volid: id })
  assert.deepEqual(await head(clone), data)
  const asked = await Promise.all(
    Array.from({ length: 12 }, () => cloud.call(demo, 'POST', '/volumes', { volume: { size: 1 } })),
  )
  assert.equal(asked.filter(({ status }) => status === 202).length, 8)
  assert.match(asked.find(({ status }) => status === 413)?.text ?? '', /VolumeLimitExceeded/)
  const { absolute } = bodyOf(await cloud.call(demo, 'GET', '/limits')).limits
  assert.deepEqual([absolute.totalVolumesUsed, absolute.totalGigabytesUsed], [10, 12])
})

test('input of strangers is refused with a reason, and a half-made volume is an error after a crash', async (t) => {
  const cloud = await startCinder(t)
  const demo = await cloud.caller('demo')
  const bodies = [undefined, [], 'x', {}, { volume: 1 }, { volume: {} }, { volume: { size: 0 } }]
  const strange = [{ size: {} }, { size: 1, name: 7 }, { size: 1, metadata: [] }, { size: 1, name: 'x\0' }]
  const refs = [{ imageRef: '../../etc' }, { imageRef: randomUUID() }, { availability_zone: 'moon' }]
  for (const body of [
    ...bodies,
    ...strange.map((volume) => ({ volume })),
    ...refs.map((ref) => ({ volume: { size: 1, ...ref } })),
  ]) {
    const answer = await cloud.call(demo, 'POST', '/volumes', body)
    assert.equal(answer.status, 400, `${JSON.stringify(body)}: ${answer.text}`)
    assert.equal(bodyOf(answer).badRequest.code, 400)
  }
  assert.equal(
    (await cloud.call(demo, 'POST', '/volumes', { volume: { size: 1, volume_type: 'no' } })).status,
    404,
  )
  for (const query of ['?limit=x', '?marker=x', '?sort=secret', '?metadata={'])
    assert.equal((await cloud.call(demo, 'GET', `/volumes${query}`)).status, 400, query)
  assert.equal((await cloud.call(demo, 'GET', '/volumes/..%2f..%2fetc')).status, 404)

  const id = await make(cloud, demo, { size: 1 })
  await cloud.images.cloud.db
    .typed<{ cinder_volume: { id: string; status: string } }>()
    .updateTable('cinder_volume')
    .set({ status: 'creating' })
    .where('id', '=', id)
    .execute()
  await cloud.restart()
  assert.equal(bodyOf(await cloud.call(demo, 'GET', `/volumes/${id}`)).volume.status, 'error')
  assert.equal((await cloud.call(demo, 'DELETE', `/volumes/${id}`)).status, 202)
})
