/** Host aggregates through HTTP: their hosts and metadata, and what an availability zone may not do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../eventually.ts'
import { IMAGE_ID, type Request, startApi, type TestApi } from './compute-api.ts'
import { reportHost } from './hosts-there.ts'
import { activate, message, startCloud } from './servers-there.ts'

const admin = { as: 'admin', at: '2.41' } as const

const H1 = '12345678-0000-4000-8000-000000000001'
const H2 = '12345678-0000-4000-8000-000000000002'

/** What an admin does with aggregates. */
function hands(api: TestApi) {
  const ask = (route: string, body?: unknown, more: Request = {}) =>
    api.send(route, { ...admin, body, ...more })
  return {
    ask,
    make: async (name: string, zone?: string) => {
      const made = await ask('POST /os-aggregates', { aggregate: { name, availability_zone: zone ?? null } })
      assert.equal(made.status, 200, made.text)
      return made.body.aggregate as { id: number; uuid: string }
    },
    act: (id: number, action: string, args: object) =>
      ask(`POST /os-aggregates/${id}/action`, { [action]: args }),
  }
}

test('an aggregate is made, changed, filled, emptied and removed', async (t) => {
  const api = await startApi(t)
  await reportHost(api, 'h1', H1)
  const { ask, make, act } = hands(api)
  const { id, uuid } = await make('a')
  assert.equal((await ask('POST /os-aggregates', { aggregate: { name: 'a' } })).status, 409)
  assert.equal(
    message((await act(id, 'add_host', { host: 'nope' })).body),
    'Compute host nope could not be found.',
  )
  const added = await act(id, 'add_host', { host: 'h1' })
  const { updated_at: untouched } = added.body['aggregate'] as Record<string, unknown>
  assert.deepEqual([added.status, untouched], [200, null])
  assert.equal(
    message((await act(id, 'add_host', { host: 'h1' })).body),
    `Aggregate ${id} already has host h1.`,
  )
  const noted = await act(id, 'set_metadata', { metadata: { ssd: 'true', gone: 'x' } })
  const { updated_at: touched } = noted.body['aggregate'] as Record<string, unknown>
  assert.equal(typeof touched, 'string')
  await act(id, 'set_metadata', { metadata: { gone: null } })
  await ask(`PUT /os-aggregates/${id}`, { aggregate: { name: 'b', availability_zone: 'z' } })
  const shown = (await ask(`GET /os-aggregates/${id}`)).body.aggregate as Record<string, unknown>
  const { created_at: created, updated_at: updated, ...rest } = shown
  assert.deepEqual([typeof created, typeof updated], ['string', 'string'])
  assert.deepEqual(rest, {
    id,
    uuid,
    name: 'b',
    hosts: ['h1'],
    metadata: { ssd: 'true', availability_zone: 'z' },
    availability_zone: 'z',
    deleted: false,
    deleted_at: null,
  })
  const early = (await ask('GET /os-aggregates', undefined, { at: '2.40' })).body.aggregates as object[]
  assert.equal('uuid' in (early[0] ?? {}), false)
  const full = await ask(`DELETE /os-aggregates/${id}`)
  assert.equal(full.status, 400)
  assert.equal(
    message(full.body),
    `Cannot remove host from aggregate ${id}. Reason: Host aggregate is not empty.`,
  )
  assert.equal((await act(id, 'remove_host', { host: 'h1' })).status, 200)
  assert.equal(
    message((await act(id, 'remove_host', { host: 'h1' })).body),
    `Cannot remove host h1 in aggregate ${id}`,
  )
  assert.equal((await ask(`DELETE /os-aggregates/${id}`)).status, 200)
  assert.equal(message((await ask(`GET /os-aggregates/${id}`)).body), `Aggregate ${id} could not be found.`)
  assert.equal((await ask('GET /os-aggregates/x')).status, 400)
  assert.equal((await ask('GET /os-aggregates/99999999999999999999')).status, 404)
  assert.deepEqual(api.there.aggregateChanges, [
    [H1, { add: uuid }],
    [H1, { remove: uuid }],
  ])
})

test('a host is in one availability zone, and its servers stay in theirs', async (t) => {
  const api = await startCloud(t)
  await reportHost(api, 'h1', H1)
  await reportHost(api, 'h2', H2)
  const { ask, make, act } = hands(api)
  const [one, two, plain] = [await make('one', 'z1'), await make('two', 'z2'), await make('plain')]
  assert.equal((await act(one.id, 'add_host', { host: 'h2' })).status, 200)
  const elsewhere = await act(two.id, 'add_host', { host: 'h2' })
  assert.equal(elsewhere.status, 409)
  assert.equal(
    message(elsewhere.body),
    `Cannot add host to aggregate ${two.id}. Reason: One or more hosts already in availability zone(s) ['z1'].`,
  )
  assert.equal((await act(plain.id, 'add_host', { host: 'h2' })).status, 200)
  const twice = await act(plain.id, 'set_metadata', { metadata: { availability_zone: 'z3' } })
  assert.equal(
    message(twice.body),
    `Cannot update metadata of aggregate ${plain.id}. Reason: One or more hosts already in availability zone(s) ['z1'].`,
  )
  const empty = await ask(`PUT /os-aggregates/${one.id}`, { aggregate: { availability_zone: null } })
  assert.equal(
    message(empty.body),
    `Cannot update aggregate ${one.id}. Reason: Aggregate one does not support empty named availability zone.`,
  )
  await activate(api, await api.make())
  const reason = 'Reason: One or more hosts contain instances in this zone.'
  const moved = await act(one.id, 'add_host', { host: 'h1' })
  assert.equal(moved.status, 409)
  assert.equal(message(moved.body), `Cannot add host to aggregate ${one.id}. ${reason}`)
  const nova = await make('three', 'nova')
  assert.equal((await act(nova.id, 'add_host', { host: 'h1' })).status, 200)
  const renamed = await ask(`PUT /os-aggregates/${nova.id}`, { aggregate: { availability_zone: 'z4' } })
  assert.equal(message(renamed.body), `Cannot update aggregate ${nova.id}. ${reason}`)
  assert.equal((await act(nova.id, 'remove_host', { host: 'h1' })).status, 200)
})

test('images are cached by an aggregate that is there', async (t) => {
  const api = await startApi(t)
  const { ask, make } = hands(api)
  const { id } = await make('a')
  const cache = (images: string[], of: number | string = id, at = '2.81') =>
    ask(`POST /os-aggregates/${of}/images`, { cache: images.map((image) => ({ id: image })) }, { at })
  const other = IMAGE_ID.replace('7', '8')
  await reportHost(api, 'h1', H1)
  await ask(`POST /os-aggregates/${id}/action`, { add_host: { host: 'h1' } })
  const heard: { images: { id: string }[] }[] = []
  const compute = await api.bus.serve('compute.h1', {
    cacheImages: async (payload) => {
      heard.push(payload as (typeof heard)[number])
      return null
    },
  })
  t.after(() => compute.close())
  assert.equal((await cache([IMAGE_ID])).status, 202)
  await eventually(() => heard.length > 0, { what: 'the host heard of it' })
  assert.deepEqual(
    heard[0]?.images.map((image) => image.id),
    [IMAGE_ID],
  )
  assert.equal(message((await cache([IMAGE_ID, IMAGE_ID])).body), 'Duplicate images in request')
  assert.equal(message((await cache([other])).body), `Image ${other} could not be found.`)
  assert.equal((await cache([IMAGE_ID], 99)).status, 404)
  assert.equal((await cache([IMAGE_ID], id, '2.80')).status, 404)
})
