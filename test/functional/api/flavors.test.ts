/** Flavors through HTTP: who sees which, pages, extra specs, access lists, and the ranges of their fields. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROJECT, startApi, type TestApi } from './compute-api.ts'

async function makeFlavors({ send }: TestApi): Promise<void> {
  for (const [id, ram] of [
    ['a', 128],
    ['b', 512],
    ['c', 2048],
  ] as const) {
    const made = await send('POST /flavors', {
      as: 'admin',
      body: { flavor: { name: `m1.${id}`, id, ram, vcpus: '1', disk: 1 } },
    })
    assert.equal(made.status, 200, made.text)
  }
}

const idsOf = (list: unknown) => (list as { id: string }[]).map(({ id }) => id)

test('flavors are listed in pages, sorted and filtered', async (t) => {
  const api = await startApi(t)
  await makeFlavors(api)
  const first = await api.send('GET /flavors?limit=2&sort_key=memory_mb&sort_dir=desc')
  assert.deepEqual(idsOf(first.body.flavors), ['c', 'b'])
  const [next] = first.body.flavors_links as { href: string }[]
  assert.equal(
    next?.href,
    'http://localhost:80/v2.1/flavors?limit=2&sort_dir=desc&sort_key=memory_mb&marker=b',
  )
  const second = await api.send(`GET /${next?.href.split('/v2.1/')[1]}`)
  assert.deepEqual(idsOf(second.body.flavors), ['a'])
  assert.equal(second.body.flavors_links, undefined)
  assert.deepEqual(idsOf((await api.send('GET /flavors/detail?minRam=500')).body.flavors), ['b', 'c'])
  for (const query of ['limit=-1', 'marker=nope', 'sort_key=nope', 'minRam=abc'])
    assert.equal((await api.send(`GET /flavors?${query}`)).status, 400, query)
  assert.equal((await api.send('GET /flavors?nope=1', { at: '2.74' })).status, 200)
  assert.equal((await api.send('GET /flavors?nope=1', { at: '2.75' })).status, 400)
})

test("a flavor's fields come and go with the version", async (t) => {
  const api = await startApi(t)
  await makeFlavors(api)
  const show = async (at: string) =>
    (await api.send('GET /flavors/a', { at })).body.flavor as Record<string, unknown>
  assert.equal((await show('2.74')).swap, '')
  assert.equal((await show('2.75')).swap, 0)
  assert.equal('description' in (await show('2.54')), false)
  assert.equal('extra_specs' in (await show('2.60')), false)
  assert.deepEqual(Object.keys(await show('2.104')).sort(), [
    'OS-FLV-EXT-DATA:ephemeral',
    'description',
    'disk',
    'extra_specs',
    'id',
    'links',
    'name',
    'os-flavor-access:is_public',
    'ram',
    'swap',
    'vcpus',
  ])
  const early = await api.send('PUT /flavors/a', {
    as: 'admin',
    at: '2.54',
    body: { flavor: { description: 'x' } },
  })
  assert.deepEqual(early.body, { itemNotFound: { code: 404, message: 'The resource could not be found.' } })
})

test('private flavors are for those they were given to', async (t) => {
  const api = await startApi(t)
  const body = {
    flavor: { name: 'p', id: 'p', ram: 1, vcpus: 1, disk: 0, 'os-flavor-access:is_public': false },
  }
  await api.send('POST /flavors', { as: 'admin', body })
  assert.equal((await api.send('GET /flavors/p')).status, 404)
  assert.deepEqual(idsOf((await api.send('GET /flavors?is_public=None', { as: 'admin' })).body.flavors), [
    'p',
  ])
  const give = { addTenantAccess: { tenant: PROJECT } }
  const given = await api.send('POST /flavors/p/action', { as: 'admin', at: '2.7', body: give })
  assert.deepEqual(given.body, { flavor_access: [{ flavor_id: 'p', tenant_id: PROJECT }] })
  assert.equal((await api.send('POST /flavors/p/action', { as: 'admin', body: give })).status, 409)
  assert.deepEqual(idsOf((await api.send('GET /flavors')).body.flavors), ['p'])
  assert.equal((await api.send('GET /flavors/p', { as: 'alt' })).status, 404)
  const refused = await api.send('POST /flavors/p/action', { body: give })
  assert.equal(refused.status, 403)
  const nope = await api.send('POST /flavors/p/action', { as: 'admin', body: { nope: null } })
  assert.equal((nope.body.badRequest as { message: string }).message, 'There is no such action: nope')
})

test('extra specs are checked from 2.86 on', async (t) => {
  const api = await startApi(t)
  await makeFlavors(api)
  const put = (at: string, specs: object) =>
    api.send('POST /flavors/a/os-extra_specs', { as: 'admin', at, body: { extra_specs: specs } })
  assert.equal((await put('2.85', { 'hw:cpu_policy': 'nonsense' })).status, 200)
  for (const specs of [{ 'hw:cpu_policy': 'nonsense' }, { 'hw:no_such': '1' }, { 'hw:numa_nodes': '0' }])
    assert.equal((await put('2.86', specs)).status, 400, JSON.stringify(specs))
  assert.equal((await put('2.86', { 'hw:cpu_policy': 'shared', 'custom:x': 1 })).status, 200)
  const shown = await api.send('GET /flavors/a/os-extra_specs')
  assert.deepEqual(shown.body, { extra_specs: { 'custom:x': '1', 'hw:cpu_policy': 'shared' } })
  assert.equal((await api.send('DELETE /flavors/a/os-extra_specs/nope', { as: 'admin' })).status, 404)
})
