/** Volumes that change hands or become images, what this Cinder has none of, and the limits of everybody, over HTTP. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { HttpAnswer } from '#lib/http/index.ts'
import type { Caller } from '#neighbours/volumes/index.ts'
import { eventually } from '../eventually.ts'
import { startCinder, type VolumeCloud } from './cinder-cloud.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes, checked by assertions
const bodyOf = (answer: { json: unknown }): any => answer.json

async function make(cloud: VolumeCloud, caller: Caller): Promise<string> {
  // An empty type is what a form sends where none is chosen.
  const answer = await cloud.call(caller, 'POST', '/volumes', { volume: { size: 1, volume_type: '' } })
  assert.equal(answer.status, 202, answer.text)
  const { id } = bodyOf(answer).volume
  await eventually(
    async () => bodyOf(await cloud.call(caller, 'GET', `/volumes/${id}`)).volume.status === 'available',
  )
  return id
}

test('a volume goes to the project that has the key, and is nobody else’s', async (t) => {
  const cloud = await startCinder(t)
  const [demo, alt, reader] = await Promise.all(['demo', 'alt', 'reader'].map(cloud.caller))
  assert.ok(demo && alt && reader)
  const id = await make(cloud, demo)
  const wish = { transfer: { volume_id: id, name: 'gift' } }
  const path = '/os-volume-transfer'
  const status = async (who: Caller, method: string, rest: string, json?: object, minor?: number) =>
    (await cloud.call(who, method, rest, json, minor)).status
  assert.equal(await status(reader, 'POST', path, wish), 403)
  assert.equal(await status(alt, 'POST', path, wish), 404)
  assert.equal(await status(demo, 'POST', path, { transfer: {} }), 400)
  const made = await cloud.call(demo, 'POST', path, wish)
  assert.equal(made.status, 202, made.text)
  const { transfer } = bodyOf(made)
  assert.match(transfer.auth_key, /^[0-9a-f]{16}$/)
  assert.equal(await status(demo, 'POST', path, wish), 400, 'it is offered already')
  assert.equal(await status(demo, 'DELETE', `/volumes/${id}`), 400)
  const listed = bodyOf(await cloud.call(demo, 'GET', `${path}/detail`)).transfers
  assert.deepEqual(
    listed.map((one: Record<string, unknown>) => [one['id'], one['volume_id'], one['auth_key']]),
    [[transfer.id, id, undefined]],
  )
  assert.deepEqual(bodyOf(await cloud.call(alt, 'GET', path)).transfers, [])
  assert.equal(await status(alt, 'GET', `${path}/${transfer.id}`), 404)
  const accept = (auth_key: unknown) =>
    status(alt, 'POST', `${path}/${transfer.id}/accept`, { accept: { auth_key } })
  assert.deepEqual(
    [await accept('0000000000000000'), await accept(7), await accept(undefined)],
    [400, 400, 400],
  )
  assert.equal(await accept(transfer.auth_key), 202)
  assert.equal(await accept(transfer.auth_key), 404, 'once')
  assert.equal(await status(demo, 'GET', `/volumes/${id}`), 404)
  assert.equal(bodyOf(await cloud.call(alt, 'GET', `/volumes/${id}`)).volume.status, 'available')

  const back = bodyOf(await cloud.call(alt, 'POST', '/volume-transfers', wish, 57)).transfer
  assert.deepEqual([back.accepted, back.no_snapshots, back.source_project_id], [false, false, alt.projectId])
  assert.equal(await status(alt, 'GET', '/volume-transfers', undefined, 54), 404)
  assert.equal(await status(alt, 'DELETE', `/volume-transfers/${back.id}`, undefined, 57), 202)
  assert.equal(bodyOf(await cloud.call(alt, 'GET', `/volumes/${id}`)).volume.status, 'available')
})

test('what there is none of is an empty list, from the microversion that has it', async (t) => {
  const cloud = await startCinder(t)
  const [demo, admin] = await Promise.all(['demo', 'admin'].map(cloud.caller))
  assert.ok(demo && admin)
  const lists: [string, string, number][] = [
    ['backups', 'backups', 0],
    ['consistencygroups', 'consistencygroups', 0],
    ['groups', 'groups', 13],
    ['group_snapshots', 'group_snapshots', 14],
    ['group_types', 'group_types', 11],
    ['qos-specs', 'qos_specs', 0],
  ]
  for (const [path, name, since] of lists) {
    const ask = (rest: string, minor: number): Promise<HttpAnswer> =>
      cloud.call(admin, 'GET', `/${path}${rest}`, undefined, minor)
    assert.deepEqual(bodyOf(await ask('', since)), { [name]: [] })
    assert.deepEqual(bodyOf(await ask('/detail', since)), { [name]: [] })
    assert.deepEqual(bodyOf(await ask('?with_count=True', 45)), { [name]: [], count: 0 })
    assert.equal((await ask(`/${randomUUID()}`, since)).status, 404)
    if (since > 0) assert.equal((await ask('', since - 1)).status, 404)
  }
  assert.equal((await cloud.call(demo, 'GET', '/qos-specs')).status, 403)
  const { pools } = bodyOf(await cloud.call(admin, 'GET', '/scheduler-stats/get_pools?detail=true'))
  assert.equal(pools[0].capabilities.volume_backend_name, 'files')
  assert.equal((await cloud.call(demo, 'GET', '/scheduler-stats/get_pools')).status, 403)
  const [type] = bodyOf(await cloud.call(demo, 'GET', '/types')).volume_types
  assert.deepEqual(bodyOf(await cloud.call(admin, 'GET', `/types/${type.id}/encryption`)), {})
  const { extensions } = bodyOf(await cloud.call(demo, 'GET', '/extensions'))
  assert.ok(extensions.some((one: { alias: string }) => one.alias === 'os-services'))
})

test('the default class’s limits hold for projects that have none of their own', async (t) => {
  const cloud = await startCinder(t)
  const [demo, admin] = await Promise.all(['demo', 'admin'].map(cloud.caller))
  assert.ok(demo && admin)
  const put = (who: Caller, path: string, json: object) => cloud.call(who, 'PUT', path, json)
  const limits = { quota_class_set: { volumes: 3, gigabytes: 30 } }
  assert.equal((await put(demo, '/os-quota-class-sets/default', limits)).status, 403)
  assert.equal((await put(admin, '/os-quota-class-sets/default', { quota_class_set: { no: 1 } })).status, 400)
  assert.equal((await put(admin, '/os-quota-class-sets/default', limits)).status, 200)
  await put(admin, `/os-quota-sets/${demo.projectId}`, { quota_set: { gigabytes: 40 } })
  const own = bodyOf(await cloud.call(demo, 'GET', `/os-quota-sets/${demo.projectId}`)).quota_set
  assert.deepEqual([own.volumes, own.gigabytes], [3, 40])
  const of = bodyOf(await cloud.call(demo, 'GET', `/os-quota-sets/${demo.projectId}/defaults`)).quota_set
  assert.deepEqual([of.volumes, of.gigabytes, of.snapshots], [3, 30, 10])
})

test('a volume becomes an image of its owner’s, or stays what it was', async (t) => {
  const cloud = await startCinder(t)
  const [demo, alt] = await Promise.all(['demo', 'alt'].map(cloud.caller))
  assert.ok(demo && alt)
  const id = await make(cloud, demo)
  const upload = (who: Caller, wish: object) =>
    cloud.call(who, 'POST', `/volumes/${id}/action`, { 'os-volume_upload_image': wish })
  for (const wish of [{}, { image_name: 'x', disk_format: 'iso' }, { image_name: 'x', visibility: 'public' }])
    assert.equal((await upload(demo, wish)).status, 400, JSON.stringify(wish))
  assert.equal((await upload(alt, { image_name: 'x' })).status, 404)
  const settled = () =>
    eventually(
      async () => bodyOf(await cloud.call(demo, 'GET', `/volumes/${id}`)).volume.status === 'available',
    )
  const answer = await upload(demo, { image_name: 'of volume', disk_format: 'qcow2', force: false })
  assert.equal(answer.status, 202, answer.text)
  const { image_id: imageId, status } = bodyOf(answer)['os-volume_upload_image']
  assert.equal(status, 'uploading')
  await settled()
  const image = bodyOf(await cloud.images.call(demo.token, 'GET', `/v2/images/${imageId}`))
  assert.deepEqual(
    [image.status, image.disk_format, image.owner, image.virtual_size],
    ['active', 'qcow2', demo.projectId, 2 ** 30],
  )
  // More bytes than this Glance takes.
  const large = bodyOf(await upload(demo, { image_name: 'large' }))['os-volume_upload_image']
  await settled()
  assert.equal((await cloud.images.call(demo.token, 'GET', `/v2/images/${large.image_id}`)).status, 404)
})

test('volume types are made, changed and told by admins, and private ones are nobody else’s', async (t) => {
  const cloud = await startCinder(t)
  const [demo, admin] = await Promise.all(['demo', 'admin'].map(cloud.caller))
  assert.ok(demo && admin)
  const wish = { name: 'fast', 'os-volume-type-access:is_public': false, extra_specs: { a: 'b' } }
  const { id } = bodyOf(await cloud.call(admin, 'POST', '/types', { volume_type: wish })).volume_type
  const path = `/types/${id}`
  const names = async (who: Caller, query = '') =>
    bodyOf(await cloud.call(who, 'GET', `/types${query}`)).volume_types.map(
      (one: { name: string }) => one.name,
    )
  assert.deepEqual(
    [await names(admin), await names(admin, '?is_public=None'), await names(demo, '?is_public=None')],
    [['__DEFAULT__'], ['__DEFAULT__', 'fast'], ['__DEFAULT__']],
  )
  const known = async (who: Caller) => (await cloud.volumes.listTypes(who)).map((type) => type.name)
  assert.deepEqual([await known(admin), await known(demo)], [['__DEFAULT__', 'fast'], ['__DEFAULT__']])
  const status = async (who: Caller, method: string, at: string, json?: object) =>
    (await cloud.call(who, method, at, json)).status
  assert.equal(await status(demo, 'GET', path), 404)
  const volume = { size: 1, volume_type: 'fast' }
  assert.equal(await status(demo, 'POST', '/volumes', { volume }), 404)
  const put = (volume_type: object) => status(admin, 'PUT', path, { volume_type })
  assert.deepEqual(
    [
      await put({}),
      await put({ name: ' ' }),
      await put({ name: '__DEFAULT__' }),
      await put({ is_public: 'x' }),
    ],
    [400, 400, 409, 400],
  )
  assert.equal(await put({ name: 'faster', description: 'd', is_public: true }), 200)
  assert.equal(await status(demo, 'PUT', path, { volume_type: { name: 'mine' } }), 403)
  assert.deepEqual(await names(demo), ['__DEFAULT__', 'faster'])
  assert.equal(await status(admin, 'PUT', `${path}/extra_specs/a`, { other: 'c' }), 400)
  assert.equal(await status(admin, 'PUT', `${path}/extra_specs/a`, { a: 'c' }), 200)
  assert.deepEqual(bodyOf(await cloud.call(demo, 'GET', `${path}/extra_specs/a`)), { a: 'c' })
  assert.equal(await status(admin, 'GET', `${path}/extra_specs/none`), 404)
})
