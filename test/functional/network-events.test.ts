/** What Neutron tells of interfaces is seen in servers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

test('a port that goes takes its address from the server, once the API hears of it', async (t) => {
  const cloud = await startCloud(t)
  const [admin, demo] = [await cloud.as('admin'), await cloud.as('demo')]
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const { networks } = (await demo.ok('network', 'GET', '/networks?name=private')) as {
    networks: { id: string }[]
  }
  const wish = { name: 's', imageRef: images[0]?.id, flavorRef: '1', networks: [{ uuid: networks[0]?.id }] }
  const { server } = (await demo.ok('compute', 'POST', '/servers', { server: wish })) as {
    server: { id: string }
  }
  const show = async () =>
    (
      (await demo.ok('compute', 'GET', `/servers/${server.id}`)) as {
        server: {
          status: string
          'OS-EXT-STS:task_state': string | null
          addresses: Record<string, object[]>
        }
      }
    ).server
  await eventually(
    async () => {
      const { status, 'OS-EXT-STS:task_state': task } = await show()
      return status === 'ACTIVE' && task === null
    },
    { what: 'the server is active', withinMs: 60_000 },
  )
  assert.deepEqual(Object.keys((await show()).addresses), ['private'])
  const { ports } = (await demo.ok('network', 'GET', `/ports?device_id=${server.id}`)) as {
    ports: { id: string }[]
  }
  const port = ports[0]?.id ?? ''
  await demo.ok('network', 'DELETE', `/ports/${port}`)
  const told = await admin.ok('compute', 'POST', '/os-server-external-events', {
    events: [{ name: 'network-vif-deleted', server_uuid: server.id, tag: port }],
  })
  assert.equal((told as { events: { code: number }[] }).events[0]?.code, 200)
  await eventually(async () => Object.keys((await show()).addresses).length === 0, {
    what: 'the address is gone',
    withinMs: 60_000,
  })
})

test('a floating IP that is given to a port, or taken from it, is seen in its server', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const first = async (service: 'image' | 'network', path: string, key: string): Promise<string> => {
    const found = (await demo.ok(service, 'GET', path)) as Record<string, { id: string }[]>
    return found[key]?.[0]?.id ?? ''
  }
  const network = await first('network', '/networks?name=private', 'networks')
  const wish = {
    name: 's',
    imageRef: await first('image', '/images', 'images'),
    flavorRef: '1',
    networks: [{ uuid: network }],
  }
  const { server } = (await demo.ok('compute', 'POST', '/servers', { server: wish })) as {
    server: { id: string }
  }
  const show = async () =>
    (
      (await demo.ok('compute', 'GET', `/servers/${server.id}`)) as {
        server: { status: string; addresses: Record<string, { addr: string; 'OS-EXT-IPS:type': string }[]> }
      }
    ).server
  await eventually(async () => (await show()).status === 'ACTIVE', { what: 'the server', withinMs: 60_000 })
  const floating = async () =>
    Object.values((await show()).addresses)
      .flat()
      .filter((address) => address['OS-EXT-IPS:type'] === 'floating')
      .map(({ addr }) => addr)
      .join()

  const port_id = await first('network', `/ports?device_id=${server.id}`, 'ports')
  const floating_network_id = await first('network', '/networks?router:external=true', 'networks')
  const made = (await demo.ok('network', 'POST', '/floatingips', {
    floatingip: { floating_network_id, port_id },
  })) as { floatingip: { id: string; floating_ip_address: string } }
  const { id, floating_ip_address: address } = made.floatingip
  const seen = (expected: string) =>
    eventually(async () => (await floating()) === expected, { what: `'${expected}'`, withinMs: 60_000 })
  await seen(address)
  await demo.ok('network', 'PUT', `/floatingips/${id}`, { floatingip: { port_id: null } })
  await seen('')
  await demo.ok('network', 'PUT', `/floatingips/${id}`, { floatingip: { port_id } })
  await seen(address)
  await demo.ok('network', 'DELETE', `/floatingips/${id}`)
  await seen('')
})
