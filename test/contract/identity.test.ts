/**
 * What services expect of a Keystone, by the client that they use: of the stand-in always, and of a real one where
 * `KILONOVA_KEYSTONE` (its URL) and `KILONOVA_KEYSTONE_PASSWORD` (of `admin`, in the project `admin`) say where it is.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { createIdentity, createServiceSession } from '#neighbours/identity/index.ts'
import { bodyOf, countedIdentity, HOUR, startKeystone } from '../functional/keystone-cloud.ts'

interface Real {
  /** With `/v3`. */
  readonly url: string
  readonly password: string
}

const DOMAIN = { id: 'default' }
const inProject = (id: string) => ({ project: { id } })

/** A client that asks as an admin, and what is there to ask about. */
async function connect(t: TestContext, { url, password }: Real) {
  const http = createHttpClient()
  t.after(() => http.close())
  const call = async (method: string, path: string, json?: unknown, token?: string) => {
    const headers = token === undefined ? {} : { 'x-auth-token': token }
    return http.send({ method, url: `${url}${path}`, headers, ...(json !== undefined && { json }) })
  }
  const login = async (identity: unknown, scope?: unknown): Promise<string | undefined> => {
    const answer = await call('POST', '/auth/tokens', {
      auth: { identity, ...(scope !== undefined && { scope }) },
    })
    return answer.status === 201 ? String(answer.headers['x-subject-token']) : undefined
  }
  const byPassword = (name: string, secret: string) => ({
    methods: ['password'],
    password: { user: { name, domain: DOMAIN, password: secret } },
  })
  const admin = await login(byPassword('admin', password), { project: { name: 'admin', domain: DOMAIN } })
  assert.ok(admin !== undefined, 'admin cannot log in')
  const ok = async (method: string, path: string, json?: unknown) => {
    const answer = await call(method, path, json, admin)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
    return bodyOf(answer)
  }
  const session = createServiceSession({
    http,
    clock: systemClock,
    authUrl: url,
    username: 'admin',
    password,
    projectName: 'admin',
    userDomainName: 'Default',
    projectDomainName: 'Default',
  })
  const identityFor = (cacheMs: number) =>
    createIdentity({ http, clock: systemClock, authUrl: url, session, cacheMs })
  const revoke = (token: string) =>
    http.send({
      method: 'DELETE',
      url: `${url}/auth/tokens`,
      headers: { 'x-auth-token': admin, 'x-subject-token': token },
    })
  return { call, revoke, login, byPassword, ok, identityFor }
}

async function contract(t: TestContext, real: Real): Promise<void> {
  const { call, revoke, login, byPassword, ok, identityFor } = await connect(t, real)
  const name = `k-${randomUUID()}`
  const project = (await ok('POST', '/projects', { project: { name, domain_id: 'default' } })).project.id
  const user = (await ok('POST', '/users', { user: { name, password: name, domain_id: 'default' } })).user.id
  try {
    const roleId = async (role: string) => (await ok('GET', `/roles?name=${role}`)).roles[0].id as string
    const member = await roleId('member')
    for (const place of [`projects/${project}`, 'domains/default', 'system'])
      await ok('PUT', `/${place}/users/${user}/roles/${member}`)
    const me = byPassword(name, name)
    const [fresh, believing] = [identityFor(0), identityFor(60_000)]

    const token = (await login(me, inProject(project))) ?? ''
    const info = await fresh.validate(token)
    assert.deepEqual(
      [
        info?.userId,
        info?.userDomainId,
        info?.projectId,
        info?.projectDomainId,
        info?.domainId,
        info?.systemScope,
      ],
      [user, 'default', project, 'default', null, null],
    )
    assert.deepEqual(info?.roles.toSorted(), ['member', 'reader'])
    assert.ok((info?.expiresAt ?? 0) > Date.now())

    const ofDomain = await fresh.validate((await login(me, { domain: DOMAIN })) ?? '')
    assert.deepEqual([ofDomain?.projectId, ofDomain?.domainId], [null, 'default'])
    const ofSystem = await fresh.validate((await login(me, { system: { all: true } })) ?? '')
    assert.deepEqual([ofSystem?.projectId, ofSystem?.systemScope], [null, 'all'])

    {
      const made = await call(
        'POST',
        `/users/${user}/application_credentials`,
        { application_credential: { name: 'robot', roles: [{ name: 'reader' }] } },
        token,
      )
      assert.equal(made.status, 201, made.text)
      const { id, secret } = bodyOf(made).application_credential
      const robot = { methods: ['application_credential'], application_credential: { id, secret } }
      const robotToken = (await login(robot)) ?? ''
      const seen = await fresh.validate(robotToken)
      assert.deepEqual([seen?.userId, seen?.projectId, seen?.roles], [user, project, ['reader']])
      assert.equal(seen?.accessRules, undefined)
      const gone = await call('DELETE', `/users/${user}/application_credentials/${id}`, undefined, token)
      assert.equal(gone.status, 204, gone.text)
      assert.equal(await fresh.validate(robotToken), undefined)
    }

    assert.equal((await believing.validate(token))?.userId, user)
    const revoked = await revoke(token)
    assert.equal(revoked.status, 204, revoked.text)
    assert.equal(await fresh.validate(token), undefined)
    assert.equal((await believing.validate(token))?.userId, user, 'believed for a while')
    for (const text of ['', 'unknown', 'x y', 'gAAAAA'.repeat(40), 'x'.repeat(9_000)])
      assert.equal(await fresh.validate(text), undefined, text.slice(0, 20))
    const last = (await login(me, inProject(project))) ?? ''
    assert.equal((await fresh.validate(last))?.projectId, project)
    await ok('PATCH', `/users/${user}`, { user: { enabled: false } })
    assert.equal(await fresh.validate(last), undefined, 'of a user who is disabled')
  } finally {
    const again =
      (await login(byPassword('admin', real.password), { project: { name: 'admin', domain: DOMAIN } })) ?? ''
    await call('DELETE', `/users/${user}`, undefined, again)
    await call('DELETE', `/projects/${project}`, undefined, again)
  }
}

test('the stand-in is the Keystone that services expect', async (t) => {
  const { url } = await startKeystone(t)
  await contract(t, { url: `${url}/v3`, password: 'admin' })
})

const { KILONOVA_KEYSTONE: url, KILONOVA_KEYSTONE_PASSWORD: password } = process.env
if (url !== undefined && password !== undefined)
  test('the real Keystone is as services expect', (t) => contract(t, { url, password }))

test('the stand-in vouches for a token past its end, for a while and only when asked to', async (t) => {
  const cloud = await startKeystone(t)
  const { identity } = countedIdentity(cloud, 60_000)
  const token = await cloud.token('demo')
  assert.ok(await identity.validate(token))
  cloud.clock.at += HOUR + 1
  assert.equal(await identity.validate(token), undefined)
  assert.deepEqual((await identity.validate(token, { allowExpired: true }))?.roles, ['member', 'reader'])
  assert.equal(await identity.validate(token), undefined, 'not remembered for those who may not')
  cloud.clock.at += 48 * HOUR
  assert.equal(await identity.validate(token, { allowExpired: true }), undefined)
})
