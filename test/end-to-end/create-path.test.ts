/** One create, eight files: the request's id stands in the log line of each, in the order of the design. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { login } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloudProcess, temporaryStateDir } from './cloud-process.ts'

const WAY = [
  'api/servers/create.spec',
  'api/servers/create',
  'conductor/sagas/build-servers',
  'scheduler/select-hosts',
  'placement/candidates/find',
  'compute/operations/build',
  'virt/qemu/spawn',
  'api/servers/server.view',
]

interface Line {
  readonly at?: string
  readonly request_id?: string
  readonly global_request_id?: string
}

const linesOf = (stateDir: string): Line[] =>
  readdirSync(stateDir)
    .filter((name) => name.endsWith('.log'))
    .flatMap((name) => readFileSync(join(stateDir, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

test('a create goes through its eight files under one request id', async (t) => {
  const stateDir = temporaryStateDir()
  const cloud = await startCloudProcess(stateDir, ['--verbose'])
  t.after(async () => {
    await cloud.stop()
    rmSync(stateDir, { recursive: true })
  })
  const demo = await login(stateDir, 'kilonova-demo')
  const { images } = (await demo.ok('image', 'GET', '/images?name=tiny')) as { images: { id: string }[] }
  const { flavors } = (await demo.ok('compute', 'GET', '/flavors')) as {
    flavors: { id: string; name: string }[]
  }
  const flavorRef = flavors.find(({ name }) => name === 'm1.nano')?.id
  const body = { server: { name: 'followed', imageRef: images[0]?.id, flavorRef, networks: 'auto' } }
  const created = await demo.call('compute', 'POST', '/servers', body)
  assert.equal(created.status, 202)
  const requestId = created.headers.get('x-openstack-request-id') ?? ''
  assert.match(requestId, /^req-/)

  const id = created.body.server.id as string
  // The client asks for the server on behalf of the same request, as services do.
  const show = () =>
    demo.ok('compute', 'GET', `/servers/${id}`, undefined, { 'x-openstack-request-id': requestId })
  await eventually(async () => (await show()).server.status === 'ACTIVE', {
    withinMs: 60_000,
    everyMs: 100,
    what: 'ACTIVE',
  })

  const places = () =>
    linesOf(stateDir)
      .filter((line) => line.request_id === requestId || line.global_request_id === requestId)
      .flatMap(({ at }) => (at === undefined ? [] : [at]))
  // Lines go to the file together, a moment later.
  await eventually(() => WAY.every((file) => places().includes(file))).catch(() => undefined)
  const seen = places()
  for (const file of WAY)
    assert.ok(seen.includes(file), `${file} is not in the log of ${requestId}: ${seen.join(', ')}`)
  // Placement is asked by the scheduler and the scheduler by the saga: each line is written when its work is done.
  const order = (file: string): number => seen.indexOf(file)
  assert.ok(order('api/servers/create.spec') < order('api/servers/create'))
  assert.ok(order('api/servers/create') < order('placement/candidates/find'))
  assert.ok(order('placement/candidates/find') < order('scheduler/select-hosts'))
  assert.ok(order('scheduler/select-hosts') < order('compute/operations/build'))
  assert.ok(order('compute/operations/build') < order('virt/qemu/spawn'))
})
