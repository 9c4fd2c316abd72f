/** The whole cloud over HTTP: a server's life, what is left of it, and what a stop and start keep. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Named {
  readonly id: string
  readonly name: string
}

const idOf = async (
  client: CloudClient,
  service: string,
  path: string,
  key: string,
  name: string,
): Promise<string> => {
  const found = ((await client.ok(service, 'GET', path)) as Record<string, Named[]>)[key]?.find(
    (item) => item.name === name,
  )
  assert.ok(found, `there is no ${key} ${name}`)
  return found.id
}

async function createServer(demo: CloudClient, name: string): Promise<string> {
  const body = {
    server: {
      name,
      imageRef: await idOf(demo, 'image', '/images', 'images', 'tiny'),
      flavorRef: await idOf(demo, 'compute', '/flavors', 'flavors', 'm1.nano'),
      networks: [{ uuid: await idOf(demo, 'network', '/networks', 'networks', 'private') }],
    },
  }
  const { status, body: answer } = await demo.call('compute', 'POST', '/servers', body)
  assert.equal(status, 202, JSON.stringify(answer))
  return (answer as { server: Named }).server.id
}

interface Server extends Named {
  readonly status: string
  readonly addresses: Record<string, { addr: string }[]>
  readonly fault?: { message: string }
}

const untilActive = (client: CloudClient, id: string): Promise<Server> =>
  eventually(
    async () => {
      const { server } = (await client.ok('compute', 'GET', `/servers/${id}`)) as { server: Server }
      assert.notEqual(server.status, 'ERROR', server.fault?.message)
      return server.status === 'ACTIVE' ? server : undefined
    },
    { what: 'ACTIVE' },
  )

/** Ports of guests, and allocations of anything: what servers leave behind when something is wrong. */
async function leftovers(admin: CloudClient): Promise<{ ports: string[]; consumers: string[] }> {
  const { ports } = (await admin.ok('network', 'GET', '/ports')) as {
    ports: { id: string; device_owner: string }[]
  }
  const { resource_providers: providers } = (await admin.ok('placement', 'GET', '/resource_providers')) as {
    resource_providers: { uuid: string }[]
  }
  const allocations = await Promise.all(
    providers.map(({ uuid }) => admin.ok('placement', 'GET', `/resource_providers/${uuid}/allocations`)),
  )
  return {
    ports: ports.filter((port) => port.device_owner.startsWith('compute:')).map((port) => port.id),
    consumers: allocations.flatMap((each) => Object.keys((each as { allocations: object }).allocations)),
  }
}

test('a server is created, becomes ACTIVE, is deleted, and nothing of it is left', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 })
  const [demo, admin] = await Promise.all([cloud.as('demo'), cloud.as('admin')])
  const id = await createServer(demo, 's1')
  const server = await untilActive(demo, id)
  assert.match(server.addresses['private']?.[0]?.addr ?? '', /^\d+\.\d+\.\d+\.\d+$/)
  const there = await leftovers(admin)
  assert.equal(there.ports.length, 1)
  assert.deepEqual(there.consumers, [id])

  assert.equal((await demo.call('compute', 'DELETE', `/servers/${id}`)).status, 204)
  await eventually(async () => (await demo.call('compute', 'GET', `/servers/${id}`)).status === 404)
  assert.deepEqual(await leftovers(admin), { ports: [], consumers: [] })
})

test('the first content is there once, and files with passwords are their owner’s alone', async (t) => {
  const cloud = await startCloud(t)
  const admin = await cloud.as('admin')
  const { flavors } = (await admin.ok('compute', 'GET', '/flavors/detail')) as {
    flavors: (Named & { ram: number })[]
  }
  assert.deepEqual(
    flavors.map(({ id, name, ram }) => `${id} ${name} ${ram}`),
    [
      '1 m1.tiny 512',
      '2 m1.small 2048',
      '3 m1.medium 4096',
      '4 m1.large 8192',
      '42 m1.nano 128',
      '5 m1.xlarge 16384',
      '84 m1.micro 256',
    ],
  )
  for (const name of [
    'clouds.yaml',
    'openrc',
    'openrc-demo',
    'openrc-reader',
    'openrc-alt',
    'state.json',
    'kilonova.sqlite',
    'kilonova.sqlite-wal',
    'kilonova.log',
  ])
    assert.equal(statSync(join(cloud.stateDir, name)).mode & 0o777, 0o600, name)
  for (const user of ['reader', 'alt'] as const) assert.ok((await cloud.as(user)).token)
})

test('a stop and a start keep servers, users and networks, and make nothing twice', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'kilonova-functional-'))
  t.after(() => rmSync(stateDir, { recursive: true, force: true }))
  const first = await startCloud(t, { stateDir })
  const id = await createServer(await first.as('demo'), 'kept')
  await untilActive(await first.as('demo'), id)
  await first.stop()

  const second = await startCloud(t, { stateDir })
  const demo = await second.as('demo')
  assert.equal((await untilActive(demo, id)).name, 'kept')
  const admin = await second.as('admin')
  const { networks } = (await admin.ok('network', 'GET', '/networks')) as { networks: Named[] }
  assert.deepEqual(networks.map(({ name }) => name).sort(), ['private', 'public'])
  const { images } = (await admin.ok('image', 'GET', '/images')) as { images: Named[] }
  assert.equal(images.length, 1)
})

test('a second cloud on the same directory is refused, and says who runs', async (t) => {
  const { stateDir, cloud } = await startCloud(t)
  await assert.rejects(
    startCloud({ after: () => undefined }, { stateDir }),
    new RegExp(`process ${process.pid} at ${cloud.url}`),
  )
})

test('a configuration that is wrong refuses the start, and leaves the directory free', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'kilonova-functional-'))
  t.after(() => rmSync(stateDir, { recursive: true, force: true }))
  await assert.rejects(
    startCloud({ after: () => undefined }, { stateDir, environment: { OS_QUOTA__CORES: 'many' } }),
    /OS_QUOTA__CORES.*expected a whole number/s,
  )
  await startCloud(t, { stateDir })
})
