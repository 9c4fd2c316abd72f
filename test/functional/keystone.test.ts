/** The Keystone stand-in over HTTP, seen by the client that services use. */
import { isFault } from '#lib/fault.ts'
import { createIdentity } from '#neighbours/identity/index.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bodyOf,
  CLOUD,
  countedIdentity,
  HOUR,
  idOf,
  passwordOf,
  projectScope,
  startKeystone,
} from './keystone-cloud.ts'

test('a token says who its bearer is, with implied roles; scopes are project, domain, system, none', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 0)

  const member = await identity.validate(await cloud.token('demo'))
  assert.deepEqual(member, {
    userId: await idOf(cloud, 'users', 'demo'),
    userName: 'demo',
    userDomainId: 'default',
    projectId: await idOf(cloud, 'projects', 'demo'),
    projectName: 'demo',
    projectDomainId: 'default',
    domainId: null,
    systemScope: null,
    roles: ['member', 'reader'],
    expiresAt: cloud.clock.at + HOUR,
  })
  const system = await identity.validate(await cloud.token('admin', { system: { all: true } }))
  assert.deepEqual(
    [system?.systemScope, system?.projectId, system?.roles],
    ['all', null, ['admin', 'manager', 'member', 'reader']],
  )
  const unscoped = await identity.validate(await cloud.token('demo', 'unscoped'))
  assert.deepEqual([unscoped?.projectId, unscoped?.roles], [null, []])

  // As Keystone on MySQL: names are found in whatever case, and openrc files say `default` for `Default`.
  const named = await cloud.auth(
    {
      methods: ['password'],
      password: { user: { name: 'Demo', domain: { name: 'default' }, password: 'demo' } },
    },
    { project: { name: 'DEMO', domain: { name: 'DEFAULT' } } },
  )
  assert.equal(named.status, 201)

  const refused = [
    await cloud.auth(passwordOf('demo', 'wrong'), projectScope('demo')),
    await cloud.auth(passwordOf('nobody'), projectScope('demo')),
    await cloud.auth(passwordOf('demo'), projectScope('alt')),
    await cloud.auth(passwordOf('demo'), projectScope('nothing')),
    await cloud.auth(passwordOf('demo'), { system: { all: true } }),
    await cloud.auth(passwordOf('demo'), { domain: { id: 'default' } }),
    await cloud.auth({ methods: ['magic'] }),
  ]
  const [first] = refused
  assert.deepEqual(bodyOf(first!), {
    error: {
      code: 401,
      message: 'The request you have made requires authentication.',
      title: 'Unauthorized',
    },
  })
  for (const answer of refused) assert.deepEqual([answer.status, answer.text], [401, first!.text])
})

test('a validation that is remembered costs no request; the same token asked for at once is asked once', async (t) => {
  const cloud = await startKeystone(t)
  const { identity, asked, session } = countedIdentity(cloud, 60_000, 2)
  await session.headers()
  const token = await cloud.token('demo')
  const all = await Promise.all([
    identity.validate(token),
    identity.validate(token),
    identity.validate(token),
  ])
  assert.equal(asked.length, 1)
  assert.equal(new Set(all).size, 1)
  await identity.validate(token)
  assert.equal(asked.length, 1)

  cloud.clock.at += 60_000
  await identity.validate(token)
  assert.equal(asked.length, 2)

  // Room for two: the one unused for longest is forgotten.
  const [second, third] = [await cloud.token('alt'), await cloud.token('admin')]
  await identity.validate(second)
  await identity.validate(token)
  await identity.validate(third)
  assert.equal(asked.length, 4)
  await identity.validate(token)
  assert.equal(asked.length, 4)
  await identity.validate(second)
  assert.equal(asked.length, 5)
})

test('expired, revoked, touched and foreign tokens are nobody', async (t) => {
  const cloud = await startKeystone(t)
  const other = await startKeystone(t)
  const { identity, asked } = countedIdentity(cloud, 60_000)
  const token = await cloud.token('demo')

  assert.equal(await identity.validate(await other.token('demo')), undefined)
  const touched = `${token.slice(0, 30)}${token[30] === 'A' ? 'B' : 'A'}${token.slice(31)}`
  assert.equal(await identity.validate(touched), undefined)
  assert.equal(await identity.validate(token.slice(0, -4)), undefined)
  const before = asked.length
  for (const odd of ['', 'a b', 'ü', 'a\r\nx-evil: 1', 'x'.repeat(9000)])
    assert.equal(await identity.validate(odd), undefined)
  assert.equal(asked.length, before)

  const revoked = await cloud.token('demo')
  assert.equal(
    (await cloud.call(revoked, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': revoked }))
      .status,
    204,
  )
  assert.equal(await identity.validate(revoked), undefined)
  assert.equal((await cloud.call(revoked, 'GET', '/v3/auth/projects')).status, 401)
  assert.ok(await identity.validate(token))

  // What is remembered ends with the token, whatever the cache's time.
  cloud.clock.at += HOUR - 30_000
  assert.ok(await identity.validate(token))
  cloud.clock.at += 30_000
  assert.equal(await identity.validate(token), undefined)
  const asService = { 'x-subject-token': token }
  const service = await cloud.token('nova', projectScope('service'))
  assert.equal((await cloud.call(service, 'GET', '/v3/auth/tokens', undefined, asService)).status, 404)
  assert.equal(
    (await cloud.call(service, 'GET', '/v3/auth/tokens?allow_expired=1', undefined, asService)).status,
    200,
  )
  assert.equal(
    (
      await cloud.call(
        await cloud.token('demo'),
        'GET',
        '/v3/auth/tokens?allow_expired=1',
        undefined,
        asService,
      )
    ).status,
    404,
  )
})

test("a service's own refused token is renewed once; a Keystone that is away is a fault, not a stranger", async (t) => {
  const cloud = await startKeystone(t)
  const { identity, session } = countedIdentity(cloud, 0)
  const own = (await session.headers())['x-auth-token']!
  await cloud.call(own, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': own })
  assert.ok(await identity.validate(await cloud.token('demo')))
  assert.notEqual((await session.headers())['x-auth-token'], own)
  assert.equal(await session.endpoint('image', 'internal'), `${cloud.url}/image`)
  await assert.rejects(session.endpoint('volumev3', 'public'), (error) => isFault(error, 'unavailable'))

  const away = createIdentity({
    http: cloud.http,
    authUrl: 'http://127.0.0.1:9',
    session,
    cacheMs: 0,
    clock: cloud.clock,
  })
  await assert.rejects(away.validate('x'), (error) => isFault(error, 'unavailable'))
})

test('disabling, changing the password and taking a role away end what was given before', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 0)
  const admin = await cloud.token('admin')
  const [demo, project] = [await idOf(cloud, 'users', 'demo'), await idOf(cloud, 'projects', 'demo')]

  const first = await cloud.token('demo')
  cloud.clock.at += 1
  const change = { user: { password: 'new', original_password: 'demo' } }
  assert.equal(
    (
      await cloud.call(undefined, 'POST', `/v3/users/${demo}/password`, {
        user: { ...change.user, original_password: 'no' },
      })
    ).status,
    401,
  )
  assert.equal((await cloud.call(undefined, 'POST', `/v3/users/${demo}/password`, change)).status, 204)
  assert.equal(await identity.validate(first), undefined)
  assert.equal((await cloud.auth(passwordOf('demo'))).status, 401)
  const second = String(
    (await cloud.auth(passwordOf('demo', 'new'), projectScope('demo'))).headers['x-subject-token'],
  )

  assert.ok(await identity.validate(second))
  assert.equal(
    (await cloud.call(admin, 'PATCH', `/v3/projects/${project}`, { project: { enabled: false } })).status,
    200,
  )
  assert.equal(await identity.validate(second), undefined)
  await cloud.call(admin, 'PATCH', `/v3/projects/${project}`, { project: { enabled: true } })
  assert.ok(await identity.validate(second))

  const role = await idOf(cloud, 'roles', 'member')
  assert.equal(
    (await cloud.call(admin, 'DELETE', `/v3/projects/${project}/users/${demo}/roles/${role}`)).status,
    204,
  )
  assert.equal(await identity.validate(second), undefined)
})

test('a token got by a token ends with it', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 0)
  const first = await cloud.token('demo', 'unscoped')
  const end = cloud.clock.at + HOUR
  cloud.clock.at += HOUR / 2
  const answer = await cloud.auth({ methods: ['token'], token: { id: first } }, projectScope('demo'))
  assert.deepEqual(bodyOf(answer).token.methods, ['password', 'token'])
  assert.equal((await identity.validate(String(answer.headers['x-subject-token'])))?.expiresAt, end)
})

test('groups give their members roles; a bootstrap done again changes nothing', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 0)
  const admin = await cloud.token('admin')
  const group = bodyOf(await cloud.call(admin, 'POST', '/v3/groups', { group: { name: 'g' } })).group.id
  const [demo, alt, role] = [
    await idOf(cloud, 'users', 'demo'),
    await idOf(cloud, 'projects', 'alt'),
    await idOf(cloud, 'roles', 'reader'),
  ]
  assert.equal((await cloud.call(admin, 'PUT', `/v3/groups/${group}/users/${demo}`)).status, 204)
  assert.equal(
    (await cloud.call(admin, 'PUT', `/v3/projects/${alt}/groups/${group}/roles/${role}`)).status,
    204,
  )
  assert.deepEqual((await identity.validate(await cloud.token('demo', projectScope('alt'))))?.roles, [
    'reader',
  ])
  const effective = await cloud.call(
    admin,
    'GET',
    `/v3/role_assignments?user.id=${demo}&effective&include_names`,
  )
  const seen = bodyOf(effective).role_assignments.map(
    (each: { role: { name: string }; scope: { project: { name: string } } }) =>
      `${each.role.name}@${each.scope.project.name}`,
  )
  assert.deepEqual(seen.sort(), ['member@demo', 'reader@alt', 'reader@demo'])

  await cloud.call(admin, 'PATCH', `/v3/users/${demo}`, { user: { password: 'mine now' } })
  const count = async () =>
    Promise.all(
      ['users', 'projects', 'roles', 'services', 'endpoints', 'role_assignments'].map(
        async (each) => bodyOf(await cloud.call(admin, 'GET', `/v3/${each}`))[each].length as number,
      ),
    )
  const before = await count()
  await cloud.keystone.bootstrap(CLOUD)
  await cloud.keystone.bootstrap({
    ...CLOUD,
    users: [...CLOUD.users, { name: 'late', password: 'late', project: 'demo', roles: ['reader'] }],
  })
  assert.deepEqual(
    await count(),
    before.map((n, index) => (index === 0 || index === 5 ? n + 1 : n)),
  )
  assert.equal((await cloud.auth(passwordOf('demo', 'mine now'))).status, 201)
})
