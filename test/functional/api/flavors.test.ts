/** Flavors through HTTP: who sees which, pages, extra specs, access lists, and the ranges of their fields. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OTHER_PROJECT, PROJECT, startApi, type TestApi } from './compute-api.ts'
import { message } from './servers-there.ts'

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
  const named = (at: string) => api.send('GET /flavors?name=m1.b', { at })
  assert.deepEqual(idsOf((await named('2.102')).body.flavors), ['b'])
  assert.equal((await named('2.101')).status, 400)
  assert.deepEqual(idsOf((await api.send('GET /flavors?name=m1', { at: '2.102' })).body.flavors), [])
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

test('flavors are made, described, given and removed by admins alone', async (t) => {
  const api = await startApi(t)
  await makeFlavors(api)
  const flavor = { name: 'n', ram: 1, vcpus: 1, disk: 1 }
  const writes: [string, object?][] = [
    ['POST /flavors', { flavor }],
    ['PUT /flavors/a', { flavor: { description: 'x' } }],
    ['DELETE /flavors/a'],
    ['POST /flavors/a/os-extra_specs', { extra_specs: { k: 'v' } }],
    ['PUT /flavors/a/os-extra_specs/k', { k: 'v' }],
    ['DELETE /flavors/a/os-extra_specs/k'],
    ['GET /flavors/a/os-flavor-access'],
    ['POST /flavors/a/action', { removeTenantAccess: { tenant: PROJECT } }],
  ]
  for (const as of ['demo', 'reader'] as const) {
    for (const [route, body] of writes) {
      const answer = await api.send(route, { as, at: '2.104', body })
      assert.equal(answer.status, 403, `${route}: ${answer.text}`)
      assert.match(
        message(answer.body),
        /^Policy doesn't allow os_compute_api:os-flavor-\S+ to be performed\.$/,
      )
    }
  }
})

test('what is wrong with a flavor is told in Nova’s words', async (t) => {
  const api = await startApi(t)
  await makeFlavors(api)
  const flavor = { name: 'n', ram: 1, vcpus: 1, disk: 1 }
  const field = 'Invalid input for field/attribute'
  const refused: [string, object, number, string, string?][] = [
    ['POST /flavors', { flavor: { ...flavor, id: 'a' } }, 409, 'Flavor with ID a already exists.'],
    ['POST /flavors', { flavor: { ...flavor, name: 'm1.a' } }, 409, 'Flavor with name m1.a already exists.'],
    [
      'POST /flavors',
      { flavor: { ...flavor, ram: 'abc' } },
      400,
      `${field} ram. Value: abc. 'abc' does not match '^[0-9]+$'`,
    ],
    [
      'POST /flavors',
      { flavor: { ...flavor, vcpus: 0 } },
      400,
      `${field} vcpus. Value: 0. 0 is less than the minimum of 1`,
    ],
    [
      'POST /flavors',
      { flavor: { ...flavor, disk: 2_147_483_648 } },
      400,
      `${field} disk. Value: 2147483648. 2147483648 is greater than the maximum of 2147483647`,
    ],
    ['POST /flavors', { flavor: { ...flavor, name: '' } }, 400, `${field} name. Value: . '' is too short`],
    [
      'POST /flavors',
      { flavor: { ...flavor, description: 'x' } },
      400,
      `${field} flavor. Value: {'name': 'n', 'ram': 1, 'vcpus': 1, 'disk': 1, 'description': 'x'}. Additional properties are not allowed ('description' was unexpected)`,
      '2.54',
    ],
    ['PUT /flavors/nope', { flavor: { description: 'x' } }, 404, 'Flavor nope could not be found.'],
    [
      'PUT /flavors/a',
      { flavor: {} },
      400,
      `${field} flavor. Value: {}. 'description' is a required property`,
    ],
    ['PUT /flavors/a/os-extra_specs/k', { other: 'v' }, 400, 'Request body and URI mismatch'],
    [
      'PUT /flavors/a/os-extra_specs/k',
      { k: 'v', l: 'v' },
      400,
      "{'k': 'v', 'l': 'v'} has too many properties",
    ],
    [
      'POST /flavors/nope/os-extra_specs',
      { extra_specs: { k: 'v' } },
      404,
      'Flavor nope could not be found.',
    ],
    [
      'POST /flavors/a/action',
      { addTenantAccess: { tenant: PROJECT } },
      409,
      'Can not add access to a public flavor.',
    ],
    [
      'POST /flavors/a/action',
      { addTenantAccess: {} },
      400,
      `${field} addTenantAccess. Value: {}. 'tenant' is a required property`,
    ],
    [
      'POST /flavors/nope/action',
      { addTenantAccess: { tenant: PROJECT } },
      404,
      'Flavor nope could not be found.',
    ],
    ['DELETE /flavors/nope', {}, 404, 'Flavor nope could not be found.'],
    ['GET /flavors/a/os-flavor-access', {}, 404, 'Access list not available for public flavors.'],
    ['GET /flavors/a/os-extra_specs/k', {}, 404, 'Flavor a has no extra specs with key k.'],
  ]
  for (const [route, body, status, said, at = '2.104'] of refused) {
    const isRead = /^(GET|DELETE)/.test(route)
    const answer = await api.send(route, { as: 'admin', at, body: isRead ? undefined : body })
    assert.deepEqual([answer.status, message(answer.body)], [status, said], route)
  }
})

test('access is given to projects that there are, once, and taken back', async (t) => {
  const api = await startApi(t)
  const flavor = { name: 'p', id: 'p', ram: 1, vcpus: 1, disk: 0, 'os-flavor-access:is_public': false }
  await api.send('POST /flavors', { as: 'admin', body: { flavor } })
  const act = (verb: string, tenant: string) =>
    api.send('POST /flavors/p/action', { as: 'admin', at: '2.7', body: { [verb]: { tenant } } })
  const nobody = await act('addTenantAccess', 'nobody')
  assert.deepEqual([nobody.status, message(nobody.body)], [400, 'Project ID nobody is not a valid project.'])
  for (const project of [PROJECT, OTHER_PROJECT])
    assert.equal((await act('addTenantAccess', project)).status, 200)
  const left = await act('removeTenantAccess', PROJECT)
  assert.deepEqual(left.body, { flavor_access: [{ flavor_id: 'p', tenant_id: OTHER_PROJECT }] })
  assert.equal((await act('removeTenantAccess', PROJECT)).status, 404)
  assert.deepEqual(
    [(await api.send('GET /flavors/p')).status, (await api.send('GET /flavors/p', { as: 'alt' })).status],
    [404, 200],
  )
})
