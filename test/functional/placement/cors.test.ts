/** Scripts of other origins: what Placement tells browsers when `[cors]` is configured, and when it is not. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { CorsOptions } from '#placement/index.ts'
import { type Fixture, startPlacement } from '../../placement-fixture.ts'

const DASHBOARD = 'https://dashboard.example.com'

const OPTIONS: CorsOptions = {
  allowedOrigins: [DASHBOARD],
  allowCredentials: true,
  exposeHeaders: ['OpenStack-API-Version'],
  maxAgeSeconds: 3_600,
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['X-Auth-Token', 'OpenStack-API-Version'],
}

/** What is said to browsers. */
async function said(
  { ask }: Fixture,
  method: string,
  headers: Readonly<Record<string, string>>,
  token: string | null = 'admin',
): Promise<readonly [number, Readonly<Record<string, unknown>>]> {
  const reply = await ask(method, '/traits', undefined, { headers, token })
  const told = Object.entries(reply.headers).filter(([name]) => name.startsWith('access-control-'))
  return [reply.status, Object.fromEntries(told.map(([name, value]) => [name.slice(15), value]))]
}

const preflight = (origin: string, method: string, headers?: string): Record<string, string> => ({
  origin,
  'access-control-request-method': method,
  ...(headers !== undefined && { 'access-control-request-headers': headers }),
})

suite('scripts of other origins', async () => {
  const placement = await startPlacement(undefined, { cors: OPTIONS })
  after(placement.close)

  test('a preflight of a known origin needs no token, and is told what it may', async () => {
    assert.deepEqual(
      await said(placement, 'OPTIONS', preflight(DASHBOARD, 'PUT', 'x-auth-token, content-type'), null),
      [
        200,
        {
          'allow-origin': DASHBOARD,
          'allow-credentials': 'true',
          'max-age': '3600',
          'allow-methods': 'PUT',
          'allow-headers': 'x-auth-token,content-type',
        },
      ],
    )
  })

  test('of another origin, method or header nothing is said', async () => {
    for (const headers of [
      preflight('https://evil.example.com', 'PUT'),
      preflight(`${DASHBOARD}.evil.example.com`, 'PUT'),
      preflight(DASHBOARD, 'DELETE'),
      preflight(DASHBOARD, 'PUT', 'x-evil'),
      { origin: DASHBOARD },
    ])
      assert.deepEqual(await said(placement, 'OPTIONS', headers, null), [200, {}])
  })

  test('answers and errors are marked for those who may read them', async () => {
    const marks = {
      'allow-origin': DASHBOARD,
      'allow-credentials': 'true',
      'expose-headers': 'OpenStack-API-Version',
    }
    assert.deepEqual(await said(placement, 'GET', { origin: DASHBOARD }), [200, marks])
    assert.deepEqual(await said(placement, 'GET', { origin: DASHBOARD }, null), [401, marks])
    assert.deepEqual(await said(placement, 'GET', { origin: 'https://evil.example.com' }), [200, {}])
    assert.deepEqual(await said(placement, 'GET', {}), [200, {}])
    const { headers } = await placement.ask('GET', '/traits', undefined, { headers: { origin: DASHBOARD } })
    assert.equal(headers.vary, 'openstack-api-version,Origin')
  })

  test('where nothing is configured, a preflight is a request like any other', async () => {
    const plain = await startPlacement()
    after(plain.close)
    assert.deepEqual(await said(plain, 'OPTIONS', preflight(DASHBOARD, 'PUT'), null), [401, {}])
    assert.deepEqual(await said(plain, 'OPTIONS', preflight(DASHBOARD, 'PUT')), [405, {}])
    assert.deepEqual(await said(plain, 'GET', { origin: DASHBOARD }), [200, {}])
  })
})
