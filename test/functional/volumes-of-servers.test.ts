/** A whole cloud: volumes come to servers and go, and the routes that ended with 2.36 say what their neighbours do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })

async function idOf(client: CloudClient, service: string, path: string, key: string, name: string) {
  const found = (await client.ok(service, 'GET', path))[key].find(
    (item: { name: string }) => item.name === name,
  )
  assert.ok(found, `there is no ${key} ${name}`)
  return String(found.id)
}

async function serverOf(demo: CloudClient, networks: unknown = 'none'): Promise<string> {
  const server = {
    name: 's',
    imageRef: await idOf(demo, 'image', '/images', 'images', 'tiny'),
    flavorRef: await idOf(demo, 'compute', '/flavors', 'flavors', 'm1.nano'),
    networks,
  }
  const { id } = (await demo.ok('compute', 'POST', '/servers', { server })).server
  await eventually(
    async () => (await demo.ok('compute', 'GET', `/servers/${id}`)).server.status === 'ACTIVE',
    { withinMs: 30_000, what: 'ACTIVE' },
  )
  return id
}

const volumeStatus = async (demo: CloudClient, id: string): Promise<string> => {
  const answer = await demo.call('volumev3', 'GET', `/volumes/${id}`)
  return answer.status === 404 ? 'gone' : answer.body.volume.status
}
const until = (demo: CloudClient, id: string, status: string) =>
  eventually(async () => (await volumeStatus(demo, id)) === status, { withinMs: 30_000, what: status })

async function volumeOf(demo: CloudClient, name: string): Promise<string> {
  const { id } = (await demo.ok('volumev3', 'POST', '/volumes', { volume: { size: 1, name } })).volume
  await until(demo, id, 'available')
  return id
}

test('volumes are attached, swapped, detached, and end with their server when they should', async (t) => {
  const cloud = await startCloud(t)
  const [demo, admin] = [await cloud.as('demo'), await cloud.as('admin')]
  const [server, one, two, kept] = await Promise.all([
    serverOf(demo),
    ...['one', 'two', 'kept'].map((name) => volumeOf(demo, name)),
  ])
  const path = `/servers/${server}/os-volume_attachments`
  const attach = (volumeId: string | undefined, more: object = {}) =>
    demo.ok('compute', 'POST', path, { volumeAttachment: { volumeId, ...more } })
  assert.equal((await attach(one)).volumeAttachment.device, '/dev/vdb')
  await attach(kept)
  await Promise.all([until(demo, one ?? '', 'in-use'), until(demo, kept ?? '', 'in-use')])
  const shown = (await demo.ok('volumev3', 'GET', `/volumes/${one}`)).volume.attachments
  assert.deepEqual([shown[0].server_id, shown[0].device], [server, '/dev/vdb'])

  const swap = { volumeAttachment: { volumeId: two } }
  assert.equal((await admin.call('compute', 'PUT', `${path}/${one}`, swap, at('2.1'))).status, 202)
  await Promise.all([until(demo, one ?? '', 'available'), until(demo, two ?? '', 'in-use')])
  assert.equal((await demo.call('compute', 'DELETE', `${path}/${two}`)).status, 202)
  await until(demo, two ?? '', 'available')
  await attach(two, { delete_on_termination: true })
  await until(demo, two ?? '', 'in-use')
  const { server: full } = await demo.ok('compute', 'GET', `/servers/${server}`)
  assert.deepEqual(full['os-extended-volumes:volumes_attached'], [
    { id: kept, delete_on_termination: false },
    { id: two, delete_on_termination: true },
  ])
  const { instanceActions } = await demo.ok('compute', 'GET', `/servers/${server}/os-instance-actions`)
  const told = instanceActions.map(({ action }: { action: string }) => action)
  for (const action of ['attach_volume', 'swap_volume', 'detach_volume'])
    assert.ok(told.includes(action), action)

  assert.equal((await demo.call('compute', 'DELETE', `/servers/${server}`)).status, 204)
  await Promise.all([until(demo, two ?? '', 'gone'), until(demo, kept ?? '', 'available')])
})

test('a server that was put aside holds volumes, too', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const [server, early, late] = [await serverOf(demo), await volumeOf(demo, 'a'), await volumeOf(demo, 'b')]
  const path = `/servers/${server}/os-volume_attachments`
  const attach = (volumeId: string) => demo.ok('compute', 'POST', path, { volumeAttachment: { volumeId } })
  const into = async (action: object, status: string) => {
    await demo.ok('compute', 'POST', `/servers/${server}/action`, action)
    await eventually(
      async () => (await demo.ok('compute', 'GET', `/servers/${server}`)).server.status === status,
      { withinMs: 30_000, what: status },
    )
  }
  await into({ shelve: null }, 'SHELVED_OFFLOADED')
  for (const volume of [early, late]) {
    await attach(volume)
    await until(demo, volume, 'in-use')
  }
  await demo.ok('compute', 'DELETE', `${path}/${early}`)
  await until(demo, early, 'available')
  await into({ unshelve: null }, 'ACTIVE')
  const { attachments } = (await demo.ok('volumev3', 'GET', `/volumes/${late}`)).volume
  assert.deepEqual(
    attachments.map(({ server_id }: { server_id: string }) => server_id),
    [server],
  )
})

test('the older routes show and change what Glance, Neutron and Cinder have, and are gone after their last version', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const old = async (method: string, path: string, body?: unknown, version = '2.1') =>
    demo.call('compute', method, path, body, at(version))
  const get = async (path: string) => {
    const answer = await old('GET', path)
    assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`)
    assert.equal((await old('GET', path, undefined, '2.39')).status, 404, `${path} ended`)
    return answer.body
  }
  const [image] = (await get('/images/detail?name=tiny')).images
  assert.deepEqual([image.status, image.progress, image.links.length], ['ACTIVE', 100, 3])
  assert.deepEqual((await get(`/images/${image.id}`)).image, image)
  assert.equal((await get('/images?limit=1')).images.length, 1)
  assert.deepEqual((await get('/images?name=nope')).images, [])
  assert.equal((await old('DELETE', `/images/${image.id}`)).status, 403)
  const wish = { name: 'own', disk_format: 'raw', container_format: 'bare', foo: 'bar' }
  const { id: own } = await demo.ok('image', 'POST', '/images', wish)
  const metadata = `/images/${own}/metadata`
  assert.deepEqual((await old('POST', metadata, { metadata: { 'a b': 'c' } })).body, {
    metadata: { foo: 'bar', 'a b': 'c' },
  })
  assert.equal((await old('PUT', `${metadata}/x`, { meta: { y: 'z' } })).status, 400)
  assert.deepEqual((await old('PUT', metadata, { metadata: { z: 'y' } }, '2.38')).body, {
    metadata: { z: 'y' },
  })
  assert.deepEqual((await get(`${metadata}/z`)).meta, { z: 'y' })
  assert.equal((await old('DELETE', `${metadata}/z`)).status, 204)
  assert.equal((await old('DELETE', `${metadata}/z`)).status, 404)
  assert.equal((await old('DELETE', `/images/${own}`)).status, 204)
  assert.equal((await old('GET', `/images/${own}`)).body.itemNotFound.message, 'Image not found.')

  const { networks } = await get('/os-networks')
  const network = networks.find(({ label }: { label: string }) => label === 'private')
  assert.deepEqual((await get(`/os-networks/${network.id}`)).network, network)
  assert.deepEqual((await get(`/os-tenant-networks/${network.id}`)).network, {
    id: network.id,
    cidr: 'None',
    label: 'private',
  })
  const [pool] = (await get('/os-floating-ip-pools')).floating_ip_pools
  const ip = (await old('POST', '/os-floating-ips', null)).body.floating_ip
  assert.deepEqual([ip.pool, ip.instance_id, ip.fixed_ip], [pool.name, null, null])
  assert.deepEqual((await get('/os-floating-ips')).floating_ips, [ip])
  assert.deepEqual((await get(`/os-floating-ips/${ip.id}`)).floating_ip, ip)
  assert.equal((await old('DELETE', `/os-floating-ips/${ip.id}`)).status, 202)
  assert.equal((await old('GET', `/os-floating-ips/${ip.id}`)).status, 404)
  assert.equal(
    (await old('POST', '/os-floating-ips', { pool: 'nowhere' })).body.itemNotFound.message,
    'Floating IP pool not found.',
  )

  const named = { security_group: { name: 'web', description: 'd' } }
  const group = (await old('POST', '/os-security-groups', named)).body.security_group
  const add = (more: object) =>
    old('POST', '/os-security-group-rules', { security_group_rule: { parent_group_id: group.id, ...more } })
  const ssh = { ip_protocol: 'tcp', from_port: 22, to_port: '22', cidr: '10.0.0.0/8' }
  const rule = (await add(ssh)).body.security_group_rule
  assert.deepEqual(rule.ip_range, { cidr: '10.0.0.0/8' })
  assert.match((await add(ssh)).body.badRequest.message, /^This rule already exists in group /)
  const fromItself = (await add({ ip_protocol: 'icmp', from_port: -1, to_port: -1, group_id: group.id })).body
  assert.deepEqual(fromItself.security_group_rule.group, { name: 'web', tenant_id: demo.projectId })
  for (const [wrong, why] of [
    [{ ip_protocol: 'foo', from_port: 1, to_port: 2 }, 'Invalid IP protocol foo.'],
    [{ ...ssh, to_port: 2 }, 'Invalid port range 22:2. Former value cannot be greater than the later'],
    [{ ip_protocol: 'tcp' }, 'Not enough parameters to build a valid rule.'],
    [{ cidr: 'bad' }, 'bad is not a valid IP network.'],
    [{}, 'Not enough parameters to build a valid rule.'],
  ] as const)
    assert.deepEqual((await add(wrong)).body.badRequest?.message, why)
  assert.equal((await get(`/os-security-groups/${group.id}`)).security_group.rules.length, 2)
  assert.equal((await old('DELETE', `/os-security-group-rules/${rule.id}`)).status, 202)
  assert.equal((await old('DELETE', `/os-security-groups/${group.id}`)).status, 202)
  assert.equal((await old('GET', `/os-security-groups/${group.id}`)).status, 404)
  assert.equal((await old('GET', '/os-security-groups/x')).status, 400)

  const volume = { size: 1, display_name: 'v', metadata: { a: 'b' } }
  const made = (await old('POST', '/os-volumes', { volume })).body.volume
  assert.deepEqual([made.displayName, made.attachments, made.metadata], ['v', [{}], { a: 'b' }])
  await until(demo, made.id, 'available')
  const snapshot = { volume_id: made.id, display_name: 's' }
  const taken = (await old('POST', '/os-snapshots', { snapshot })).body.snapshot
  await eventually(async () => (await get(`/os-snapshots/${taken.id}`)).snapshot.status === 'available')
  assert.equal((await get('/os-snapshots/detail')).snapshots[0].displayName, 's')
  assert.equal((await old('POST', '/os-volumes', { volume: { size: 99_999 } })).status, 403)
  assert.equal((await old('DELETE', `/os-snapshots/${taken.id}`)).status, 202)
  await eventually(async () => (await old('GET', `/os-snapshots/${taken.id}`)).status === 404)
  assert.equal((await old('DELETE', `/os-volumes/${made.id}`)).status, 202)
  await eventually(async () => (await get('/os-volumes')).volumes.length === 0)

  const admin = await cloud.as('admin')
  assert.equal((await admin.call('compute', 'GET', '/os-baremetal-nodes', undefined, at('2.35'))).status, 501)
  assert.equal((await old('POST', '/os-baremetal-nodes', {})).status, 400)
})

test('security groups and floating IPs come to a server and go, and so do interfaces', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const uuid = await idOf(demo, 'network', '/networks', 'networks', 'private')
  const server = await serverOf(demo, [{ uuid }])
  const act = (body: object) => demo.call('compute', 'POST', `/servers/${server}/action`, body, at('2.1'))
  const groups = async () =>
    (await demo.ok('compute', 'GET', `/servers/${server}/os-security-groups`)).security_groups.map(
      ({ name }: { name: string }) => name,
    )
  assert.deepEqual(await groups(), ['default'])
  assert.equal((await act({ removeSecurityGroup: { name: 'default' } })).status, 202)
  assert.deepEqual(await groups(), [])
  assert.equal((await act({ removeSecurityGroup: { name: 'default' } })).status, 404)
  assert.equal((await act({ addSecurityGroup: { name: 'nobody' } })).status, 404)
  assert.equal((await act({ addSecurityGroup: { name: 'default' } })).status, 202)
  assert.deepEqual(await groups(), ['default'])
  assert.equal((await act({ addSecurityGroup: { name: 'default' } })).status, 400)

  const pool = { pool: 'public' }
  const { ip: address } = (await demo.call('compute', 'POST', '/os-floating-ips', pool, at('2.1'))).body
    .floating_ip
  assert.equal((await act({ removeFloatingIp: { address } })).status, 409)
  assert.equal((await act({ addFloatingIp: { address, fixed_address: '192.0.2.1' } })).status, 400)
  assert.equal((await act({ addFloatingIp: { address: '192.0.2.1' } })).status, 404)
  assert.equal((await act({ addFloatingIp: { address } })).status, 202)
  const addresses = async (): Promise<string[]> =>
    (await demo.ok('compute', 'GET', `/servers/${server}`)).server.addresses.private.map(
      ({ addr }: { addr: string }) => addr,
    )
  assert.ok((await addresses()).includes(address))
  assert.equal((await act({ removeFloatingIp: { address } })).status, 202)
  assert.ok(!(await addresses()).includes(address))

  const path = `/servers/${server}/os-interface`
  const wish = { interfaceAttachment: { net_id: uuid } }
  const { port_id: port, fixed_ips: ips } = (await demo.ok('compute', 'POST', path, wish)).interfaceAttachment
  assert.ok((await addresses()).includes(ips[0].ip_address))
  const ports = async () => (await demo.ok('network', 'GET', `/ports?device_id=${server}`)).ports.length
  assert.equal(await ports(), 2)
  assert.equal((await demo.call('compute', 'DELETE', `${path}/${port}`)).status, 202)
  await eventually(async () => (await ports()) === 1, { withinMs: 30_000, what: 'one interface' })
  await eventually(async () => !(await addresses()).includes(ips[0].ip_address), { withinMs: 30_000 })
})
