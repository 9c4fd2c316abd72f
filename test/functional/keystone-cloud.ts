/** A Keystone of its own for a test: in memory, on a free port, with a clock the test owns. Everybody's password is their name. */
import { type Database, openDatabase } from '#db/kit/index.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { createHttpClient, type HttpAnswer, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { createIdentity, createServiceSession } from '#neighbours/identity/index.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'
import { type BootstrapInput, createKeystone, type Keystone } from '#stand-ins/keystone/index.ts'
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

const user = (name: string, project: string, ...roles: string[]) => ({ name, project, roles, password: name })

export const CLOUD: BootstrapInput = {
  region: 'RegionOne',
  users: [
    { ...user('admin', 'admin', 'admin'), systemRoles: ['admin'] },
    user('demo', 'demo', 'member'),
    user('reader', 'demo', 'reader'),
    user('alt', 'alt', 'member'),
    user('nova', 'service', 'admin', 'service'),
    user('glance', 'service', 'admin', 'service'),
  ],
  services: [
    { type: 'identity', name: 'keystone', url: '%(public_url)s' },
    { type: 'image', name: 'glance', url: '%(public_url)s/image' },
  ],
}

/** A clock that a test can put forward. */
export interface TestClock extends Clock {
  at: number
}

export interface KeystoneCloud {
  readonly keystone: Keystone
  readonly db: Database
  readonly url: string
  readonly http: HttpClient
  readonly clock: TestClock
  /** A token of the user in the project, or in `scope` if given. Fails when there is none. */
  token(name: string, scope?: unknown): Promise<string>
  /** Sends an `auth` body. */
  auth(identity: unknown, scope?: unknown): Promise<HttpAnswer>
  call(
    token: string | undefined,
    method: string,
    path: string,
    json?: unknown,
    headers?: Record<string, string>,
  ): Promise<HttpAnswer>
  session(name: string): ServiceSession
}

export const projectScope = (name: string) => ({ project: { name, domain: { id: 'default' } } })
export const passwordOf = (name: string, password = name) => ({
  methods: ['password'],
  password: { user: { name, domain: { id: 'default' }, password } },
})

/** On a database of its own, or on the one that is given and stays open. */
export async function startKeystone(t: TestContext, given?: Database): Promise<KeystoneCloud> {
  const clock: TestClock = { at: Date.now(), now: () => clock.at, sleep: systemClock.sleep }
  const db = given ?? openDatabase('sqlite://')
  const http = createHttpClient()
  let url = ''
  const keystone = createKeystone({
    db,
    log: silentLog,
    ids: randomIds,
    clock,
    publicUrl: () => url,
    mountPath: '',
  })
  await keystone.start()
  await keystone.bootstrap(CLOUD)
  url = await keystone.app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await http.close()
    await keystone.close()
    if (given === undefined) await db.close()
  })

  const call: KeystoneCloud['call'] = (token, method, path, json, headers) =>
    http.send({
      method,
      url: `${url}${path}`,
      headers: { ...(token !== undefined && { 'x-auth-token': token }), ...headers },
      ...(json !== undefined && { json }),
    })
  const auth: KeystoneCloud['auth'] = (identity, scope) =>
    call(undefined, 'POST', '/v3/auth/tokens', { auth: { identity, ...(scope !== undefined && { scope }) } })
  const projectOf = (name: string) => CLOUD.users.find((each) => each.name === name)?.project ?? 'admin'
  return {
    keystone,
    db,
    url,
    http,
    clock,
    call,
    auth,
    async token(name, scope = projectScope(projectOf(name))) {
      const answer = await auth(passwordOf(name), scope)
      assert.equal(answer.status, 201, answer.text)
      return String(answer.headers['x-subject-token'])
    },
    session: (name) =>
      createServiceSession({
        http,
        authUrl: url,
        username: name,
        password: name,
        projectName: 'service',
        userDomainName: 'Default',
        projectDomainName: 'Default',
        region: 'RegionOne',
        clock,
      }),
  }
}

export const HOUR = 3_600_000

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes, checked by assertions
export const bodyOf = (answer: { json: unknown }): any => answer.json

export async function idOf(cloud: KeystoneCloud, collection: string, name: string): Promise<string> {
  const answer = await cloud.call(await cloud.token('admin'), 'GET', `/v3/${collection}?name=${name}`)
  return String(bodyOf(answer)[collection][0].id)
}

/** An identity client that counts its requests. */
export function countedIdentity(cloud: KeystoneCloud, cacheMs: number, cacheSize?: number) {
  const asked: string[] = []
  const http: HttpClient = {
    ...cloud.http,
    send(call) {
      asked.push(`${call.method} ${new URL(call.url).pathname}`)
      return cloud.http.send(call)
    },
  }
  const session = cloud.session('nova')
  const size = cacheSize === undefined ? {} : { cacheSize }
  return {
    asked,
    session,
    identity: createIdentity({ http, authUrl: cloud.url, session, cacheMs, clock: cloud.clock, ...size }),
  }
}
