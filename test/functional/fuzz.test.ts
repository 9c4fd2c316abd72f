/**
 * Every route of the compute API gets nonsense, made from its own schemas so that much of it comes far: never a
 * server error, always a body in the API's shape, no row changed by what is refused. Seeded, so that what failed
 * once fails again. `npm run fuzz` is the long form.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { apiRoutes } from '#api/index.ts'
import { fuzz } from '../fuzz/fuzz.ts'
import { CALLERS, fuzzGround, WORDS } from '../fuzz/ground.ts'
import { nonsense } from '../fuzz/requests.ts'
import { testServices } from './api/compute-api.ts'
import { activeServer, askOk, privateNetwork } from './ask.ts'
import { startCloud } from './whole-cloud.ts'

const SEED = 20_260_815
const operations = apiRoutes(testServices()).map(({ operation }) => operation)

test('what an API refuses changes nothing, and nothing is a server error', async (t) => {
  const ground = await fuzzGround(t)
  const samples = new Map<string, readonly unknown[]>()
  const report = await fuzz(ground, {
    operations,
    seed: SEED,
    requests: 2_500,
    words: WORDS,
    callers: CALLERS,
    samples,
  })
  assert.deepEqual(report.complaints, [])
  // Nonsense that is refused at the door proves little: much of it came through.
  assert.ok(report.succeeded.size > 40, [...report.succeeded].join())
})

/** Requests to a whole cloud, which are slower: what they begin is done. */
const RUNS = 600

test('nonsense gets an answer of the API, never a server error', async (t) => {
  const cloud = await startCloud(t)
  const [demo, admin, reader] = await Promise.all([cloud.as('demo'), cloud.as('admin'), cloud.as('reader')])
  const users = { demo, admin, reader }
  const server = await activeServer(demo, { networks: [{ uuid: await privateNetwork(demo) }] })
  const { images } = await demo.ok('image', 'GET', '/images')
  const { hypervisors } = await askOk(admin, 'GET /os-hypervisors')
  const things: Readonly<Record<string, string>> = {
    server,
    flavor: '42',
    project: demo.projectId,
    hypervisor: String(hypervisors[0].id),
    service: '1',
  }
  const filled = (text: string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => things[name] ?? name)
  const words = [...WORDS, images[0].id, 'fake-1', 'private']
  const told = { words, callers: Object.keys(users), samples: new Map<string, readonly unknown[]>() }
  const seen = new Map<string, Set<number>>()
  for (const request of fc.sample(nonsense(operations, told), { seed: SEED, numRuns: RUNS })) {
    const { method, path, at, body, contentType, as } = request
    const version = at === '2.0' ? 'v2' : 'v2.1'
    const answer = await fetch(`${cloud.cloud.url}/${version}${filled(path)}`, {
      method,
      headers: {
        'x-auth-token': users[as as keyof typeof users].token,
        'openstack-api-version': `compute ${at}`,
        'content-type': contentType,
      },
      ...(body !== undefined && { body: filled(body) }),
    })
    const text = await answer.text()
    const asked = `${as}: ${method} ${path} at ${at} ${body?.slice(0, 500)}`
    assert.ok(answer.status < 500 || answer.status === 501, `${asked}: ${answer.status} ${text}`)
    if (answer.status >= 400) assert.match(text, /"message":/, asked)
    else if (text !== '') JSON.parse(text)
    const statuses = seen.get(method) ?? new Set()
    seen.set(method, statuses.add(answer.status))
  }
  for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
    assert.ok(
      [...(seen.get(method) ?? [])].some((status) => status < 300),
      `${method} never succeeded`,
    )
})
