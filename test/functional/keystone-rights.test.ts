/** The Keystone stand-in, seen by people who try what they may not, and who send what nobody should. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bodyOf,
  countedIdentity,
  HOUR,
  idOf,
  passwordOf,
  projectScope,
  startKeystone,
} from './keystone-cloud.ts'

test('nobody gives itself what it does not have', async (t) => {
  const cloud = await startKeystone(t)
  const token = await cloud.token('demo')
  const [demo, project, role] = [
    await idOf(cloud, 'users', 'demo'),
    await idOf(cloud, 'projects', 'demo'),
    await idOf(cloud, 'roles', 'admin'),
  ]
  const alt = await idOf(cloud, 'users', 'alt')

  const attempts: [string, string, unknown?][] = [
    ['PUT', `/v3/projects/${project}/users/${demo}/roles/${role}`],
    ['PUT', `/v3/system/users/${demo}/roles/${role}`],
    ['PATCH', `/v3/users/${demo}`, { user: { enabled: true } }],
    ['PATCH', `/v3/users/${alt}`, { user: { password: 'mine' } }],
    ['POST', '/v3/users', { user: { name: 'x' } }],
    ['POST', '/v3/projects', { project: { name: 'x' } }],
    ['PATCH', `/v3/roles/${role}`, { role: { name: 'x' } }],
    ['GET', '/v3/users'],
    ['GET', `/v3/users/${alt}`],
    ['GET', `/v3/users/${'0'.repeat(32)}`],
    ['GET', '/v3/role_assignments'],
    ['POST', `/v3/users/${alt}/application_credentials`, { application_credential: { name: 'x' } }],
  ]
  for (const [method, path, json] of attempts) {
    assert.equal((await cloud.call(token, method, path, json)).status, 403, `${method} ${path}`)
    assert.equal((await cloud.call(undefined, method, path, json)).status, 401, `${method} ${path}`)
  }
  assert.equal((await cloud.call(token, 'GET', `/v3/users/${demo}`)).status, 200)
  assert.equal((await cloud.call(token, 'GET', `/v3/projects/${project}`)).status, 200)
  // A stranger's token may be neither looked at nor revoked.
  const theirs = { 'x-subject-token': await cloud.token('alt') }
  assert.equal((await cloud.call(token, 'GET', '/v3/auth/tokens', undefined, theirs)).status, 403)
  assert.equal((await cloud.call(token, 'DELETE', '/v3/auth/tokens', undefined, theirs)).status, 403)
})

test('an application credential gives its own roles, for its own project, until its end, and no more', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 0)
  const demo = await idOf(cloud, 'users', 'demo')
  const path = `/v3/users/${demo}/application_credentials`
  const make = async (token: string, body: object) =>
    cloud.call(token, 'POST', path, { application_credential: body })
  const token = await cloud.token('demo')
  const expires_at = new Date(cloud.clock.at + 2 * HOUR).toISOString()

  assert.equal((await make(token, { name: 'x', roles: [{ name: 'admin' }] })).status, 400)
  assert.equal((await make(token, { name: 'x', access_rules: [{ path: '/' }] })).status, 400)
  assert.equal((await make(token, { name: 'x', expires_at: 'soon' })).status, 400)
  const made = bodyOf(
    await make(token, { name: 'ci', roles: [{ name: 'reader' }], expires_at }),
  ).application_credential
  assert.equal((await make(token, { name: 'ci' })).status, 409)
  const shown = bodyOf(await cloud.call(token, 'GET', `${path}/${made.id}`)).application_credential
  assert.equal(shown.secret, undefined)

  const key = {
    methods: ['application_credential'],
    application_credential: { id: made.id, secret: made.secret },
  }
  const login = async () => String((await cloud.auth(key)).headers['x-subject-token'])
  const theirs = await login()
  assert.deepEqual((await identity.validate(theirs))?.roles, ['reader'])
  assert.equal((await make(theirs, { name: 'more' })).status, 403)
  assert.equal(
    (await cloud.auth({ methods: ['token'], token: { id: theirs } }, projectScope('demo'))).status,
    403,
  )
  assert.equal((await cloud.auth(key, projectScope('demo'))).status, 401)
  assert.equal(
    (await cloud.auth({ ...key, application_credential: { id: made.id, secret: 'x' } })).status,
    401,
  )

  cloud.clock.at += 2 * HOUR - 1000
  assert.equal((await identity.validate(await login()))?.expiresAt, cloud.clock.at + 1000)
  cloud.clock.at += 1000
  assert.equal((await cloud.auth(key)).status, 401)
})

test('bad input is a 400 that names the attribute, too much of it a 413; nothing is a 500', async (t) => {
  const cloud = await startKeystone(t)
  const admin = await cloud.token('admin')
  const deep = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) as unknown
  const table: [unknown, number, RegExp][] = [
    [undefined, 400, /JSON object/],
    [[], 400, /JSON object/],
    [{}, 400, /user/],
    [{ user: 'x' }, 400, /user/],
    [{ user: {} }, 400, /user\.name/],
    [{ user: { name: 7 } }, 400, /user\.name/],
    [{ user: { name: ' ' } }, 400, /user\.name/],
    [{ user: { name: 'x'.repeat(256) } }, 400, /user\.name/],
    [{ user: { name: 'x', enabled: 'yes' } }, 400, /user\.enabled/],
    [{ user: { name: 'x', domain_id: 'none' } }, 404, /Could not find domain: none/],
    [{ user: { name: 'x\u0000' } }, 400, /NUL/],
    [{ user: { name: 'x', deep } }, 400, /deeply/],
    [{ user: { name: 'x', pad: 'x'.repeat(120_000) } }, 413, /./],
    [{ user: { name: 'demo' } }, 409, /Duplicate entry/],
  ]
  for (const [json, status, message] of table) {
    const answer = await cloud.call(admin, 'POST', '/v3/users', json)
    assert.equal(answer.status, status, answer.text)
    assert.match(bodyOf(answer).error.message, message)
  }
  const headers = { 'content-type': 'application/json' }
  const broken = await cloud.http.send({
    method: 'POST',
    url: `${cloud.url}/v3/auth/tokens`,
    headers,
    body: '{"auth":',
  })
  assert.equal(broken.status, 400)
  for (const auth of [
    {},
    { identity: { methods: [] } },
    { identity: passwordOf('demo'), scope: {} },
    { identity: passwordOf('demo'), scope: { project: {}, system: { all: true } } },
  ]) {
    assert.equal(
      (await cloud.call(undefined, 'POST', '/v3/auth/tokens', { auth })).status,
      400,
      JSON.stringify(auth),
    )
  }
  assert.equal((await cloud.call(admin, 'GET', '/v3/users/%00')).status, 404)
  assert.equal((await cloud.call(admin, 'GET', '/v3/users/..%2f..%2fprojects')).status, 404)
  assert.equal(
    (
      await cloud.call(admin, 'PATCH', `/v3/users/${await idOf(cloud, 'users', 'alt')}`, {
        user: { domain_id: 'other' },
      })
    ).status,
    400,
  )
  assert.equal((await cloud.call(admin, 'GET', '/v4')).status, 404)
})
