/** What every request meets before its handler: discovery, tokens, versions, paths, bodies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './compute-api.ts'

test('discovery needs no token', async (t) => {
  const { send } = await startApi(t)
  const all = await send('GET //', { as: null })
  assert.equal(all.status, 200)
  assert.deepEqual(
    (all.body.versions as { id: string }[]).map((version) => version.id),
    ['v2.0', 'v2.1'],
  )
  for (const path of ['//v2.1', '//v2.1/']) {
    const one = await send(`GET ${path}`, { as: null })
    assert.equal((one.body.version as { version: string }).version, '2.104')
    assert.equal(one.headers['content-type'], 'application/json')
  }
  assert.equal((await send('GET //v9/servers', { as: null })).status, 300)
})

test('slashes in a row are one, but for those of the query', async (t) => {
  const { send } = await startApi(t)
  const flavors = await send('GET /flavors/detail')
  assert.equal(flavors.status, 200)
  for (const path of ['//v2.1//flavors/detail', '//v2.1///flavors//detail'])
    assert.deepEqual((await send(`GET ${path}`)).body, flavors.body, path)
  assert.equal((await send('GET //v2.1//')).status, 200)
  assert.equal((await send('GET /flavors//')).status, 404)
  const marked = await send('GET //v2.1//flavors?marker=a//b')
  assert.match(marked.text, /a\/\/b/)
})

test('a request without a good token gets what Keystone would say', async (t) => {
  const { send } = await startApi(t)
  for (const as of [null, 'nobody'] as const) {
    const answer = await send('GET /servers', { as })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers['www-authenticate'], 'Keystone uri="http://127.0.0.1/identity/v3"')
    assert.match(JSON.stringify(answer.body), /"title":"Unauthorized"/)
    assert.match(String(answer.headers['x-openstack-request-id']), /^req-/)
    assert.equal(answer.headers['x-compute-request-id'], answer.headers['x-openstack-request-id'])
  }
})

test('versions are negotiated by either header', async (t) => {
  const { send } = await startApi(t)
  const spoken = async (headers: Record<string, string>) => {
    const answer = await send('GET /', { headers })
    return [
      answer.status,
      answer.headers['openstack-api-version'],
      answer.headers['x-openstack-nova-api-version'],
    ]
  }
  assert.deepEqual(await spoken({}), [200, 'compute 2.1', '2.1'])
  assert.deepEqual(await spoken({ 'openstack-api-version': 'compute latest' }), [
    200,
    'compute 2.104',
    '2.104',
  ])
  assert.deepEqual(await spoken({ 'openstack-api-version': 'volume 3.0' }), [200, 'compute 2.1', '2.1'])
  assert.deepEqual(await spoken({ 'x-openstack-nova-api-version': '2.20' }), [200, 'compute 2.20', '2.20'])
  assert.deepEqual(await spoken({ 'openstack-api-version': 'compute 2.999' }), [
    406,
    'compute 2.999',
    '2.999',
  ])
  assert.deepEqual(await spoken({ 'openstack-api-version': 'compute x' }), [400, undefined, undefined])
  const refused = await send('GET /', { at: '2.0' })
  assert.deepEqual(refused.body, {
    computeFault: {
      code: 406,
      message: 'Version 2.0 is not supported by the API. Minimum is 2.1 and maximum is 2.104.',
    },
  })
  const legacy = await send('GET //v2/', { headers: { 'openstack-api-version': 'compute 2.9' } })
  assert.equal(legacy.headers['openstack-api-version'], undefined)
})

test('what is not there, and what cannot be read', async (t) => {
  const { send } = await startApi(t)
  const nothing = await send('GET /no-such-resource')
  assert.equal(nothing.status, 404)
  assert.equal(nothing.body.code, '404 Not Found')
  assert.equal((await send('PATCH /servers')).status, 404)
  assert.equal((await send('GET /%zz')).status, 400)
  const type = await send('GET /versions/v2.1', { headers: { 'content-type': 'application/xml' } })
  assert.deepEqual([type.status, Object.keys(type.body)], [415, ['badMediaType']])
  const foreign = await send('GET /bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')
  assert.deepEqual(foreign.body, { badRequest: { code: 400, message: 'Malformed request url' } })
  const large = await send('POST /servers', { body: 'x'.repeat(200_000) })
  assert.deepEqual([large.status, Object.keys(large.body)], [413, ['overLimit']])
})

test('the old /v2 removes what it does not know, and speaks of no versions', async (t) => {
  const { send } = await startApi(t)
  const flavor = {
    name: ' loose ',
    id: 'v2',
    ram: 1,
    vcpus: 1,
    disk: 1,
    what: 'is this',
    description: 'later',
  }
  const made = await send('POST //v2/flavors', { as: 'admin', at: '2.55', body: { flavor, more: 1 } })
  assert.equal(made.status, 200, made.text)
  const shown = made.body.flavor as { name: string; links: { href: string }[] }
  assert.equal(shown.name, 'loose')
  assert.equal('description' in shown, false)
  assert.equal(shown.links[0]?.href, 'http://localhost:80/v2/flavors/v2')
  assert.equal(made.headers.vary, undefined)
  const strict = await send('POST /flavors', { as: 'admin', body: { flavor } })
  assert.equal(strict.status, 400)
})

test('a path may name the project, and its links then do too', async (t) => {
  const { send } = await startApi(t)
  const project = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
  const list = await send(`GET /${project}/flavors?limit=1`)
  assert.equal(list.status, 200)
  const body = { flavor: { name: 'f', id: 'f', ram: 1, vcpus: 1, disk: 1 } }
  await send('POST /flavors', { as: 'admin', body })
  const [self, bookmark] = (
    (await send(`GET /${project}/flavors/f`)).body.flavor as { links: { href: string }[] }
  ).links
  assert.equal(self?.href, `http://localhost:80/v2.1/${project}/flavors/f`)
  assert.equal(bookmark?.href, `http://localhost:80/${project}/flavors/f`)
})
