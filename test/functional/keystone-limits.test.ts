/** Limits in the Keystone stand-in, kept by an admin and read by the client with which Nova reads them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUnifiedLimits } from '#neighbours/identity/index.ts'
import { idOf, startKeystone } from './keystone-cloud.ts'

test('limits are registered, overridden for projects, and read for the region that asks', async (t) => {
  const cloud = await startKeystone(t)
  const admin = await cloud.token('admin')
  const send = async (method: string, path: string, json?: unknown, expected = 200) => {
    const answer = await cloud.call(admin, method, `/v3/${path}`, json)
    assert.equal(answer.status, expected, `${method} ${path}: ${JSON.stringify(answer.json)}`)
    return answer.json as Record<string, Record<string, string>>
  }
  const { service } = await send('POST', 'services', { service: { type: 'compute', name: 'nova' } }, 201)
  const { endpoint } = await send(
    'POST',
    'endpoints',
    { endpoint: { service_id: service?.id, region_id: 'RegionOne', interface: 'public', url: 'http://c' } },
    201,
  )
  const limits = (endpointId: string | null) =>
    createUnifiedLimits({ http: cloud.http, authUrl: cloud.url, session: cloud.session('nova'), endpointId })
  const ofRegion = limits(endpoint?.id ?? '')
  assert.deepEqual(await ofRegion.registered(), {})

  const limit = { service_id: service?.id, resource_name: 'servers' }
  const [project, other] = [await idOf(cloud, 'projects', 'demo'), await idOf(cloud, 'projects', 'alt')]
  const own = { limits: [{ ...limit, project_id: project, resource_limit: 3 }] }
  await send('POST', 'limits', own, 403)
  const made = await send(
    'POST',
    'registered_limits',
    {
      registered_limits: [
        { ...limit, default_limit: 10 },
        { ...limit, default_limit: 20, region_id: 'RegionOne' },
        { ...limit, default_limit: 30, region_id: 'Elsewhere' },
      ],
    },
    201,
  )
  await send('POST', 'registered_limits', { registered_limits: [{ ...limit, default_limit: 1 }] }, 409)
  const { limits: stored } = (await send('POST', 'limits', own, 201)) as unknown as {
    limits: { id: string }[]
  }
  assert.deepEqual(await ofRegion.registered(), { servers: 20 })
  assert.deepEqual(await limits(null).registered(), { servers: 10 })
  assert.deepEqual(await ofRegion.ofProject(project), { servers: 3 })
  assert.deepEqual(await ofRegion.ofProject(other), {})

  const [first] = made['registered_limits'] as unknown as { id: string }[]
  await send('DELETE', `registered_limits/${first?.id}`, undefined, 403)
  const changed = await send('PATCH', `limits/${stored[0]?.id}`, { limit: { resource_limit: 4 } })
  assert.equal(changed['limit']?.['resource_limit'], 4)
  await send('PATCH', `limits/${stored[0]?.id}`, { limit: { resource_limit: -2 } }, 400)

  const demo = await cloud.token('demo')
  assert.equal((await cloud.call(demo, 'DELETE', `/v3/limits/${stored[0]?.id}`)).status, 403)
  const seen = async (name: string) =>
    (await cloud.call(await cloud.token(name), 'GET', '/v3/limits')).json as { limits: unknown[] }
  assert.deepEqual([(await seen('demo')).limits.length, (await seen('alt')).limits.length], [1, 0])
  await send('DELETE', `limits/${stored[0]?.id}`, undefined, 204)
  await send('GET', `limits/${stored[0]?.id}`, undefined, 404)
  await send('DELETE', `registered_limits/${first?.id}`, undefined, 204)
})
