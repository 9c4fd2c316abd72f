/** Nova's client of Neutron against the stand-in: ports of an instance come whole, once, and go. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { randomIds } from '#lib/ids.ts'
import { isFault } from '#lib/fault.ts'
import { type HttpClient, HttpFailure } from '#lib/http/index.ts'
import {
  createNetworks,
  type Networks,
  type PortOwner,
  type PortRequest,
} from '#neighbours/networks/index.ts'
import { ALT, DEMO, type Stand, startNeutron } from './neutron-stand.ts'

let stand: Stand
let networks: Networks
before(async () => {
  stand = await startNeutron()
  networks = createNetworks({ http: stand.http, session: stand.session })
})
after(() => stand.close())

const owner = (more: Partial<PortOwner> = {}): PortOwner => ({
  instanceUuid: randomIds.uuid(),
  projectId: DEMO,
  host: 'host1',
  availabilityZone: 'nova',
  hostname: 'server-1',
  ...more,
})
const request = (more: Partial<PortRequest> = {}): PortRequest => ({
  networkId: stand.provisioned.privateNetworkId,
  portId: null,
  fixedIp: null,
  securityGroupIds: [],
  tag: null,
  ...more,
})
const callerPort = (more: object = {}) =>
  stand.ok<{ id: string; fixed_ips: { ip_address: string }[] }>('demo', 'POST', 'ports', {
    port: { network_id: stand.provisioned.privateNetworkId, ...more },
  })
const portsOf = (uuid: string) =>
  stand.ok<Record<string, unknown>[]>('admin', 'GET', `ports?device_id=${uuid}`)

describe('allocate', () => {
  it('binds made and given ports, and describes them as Nova keeps them', async () => {
    const given = await callerPort()
    const instance = owner()
    const vifs = await networks.allocate(instance, [request({ tag: 'nic1' }), request({ portId: given.id })])
    assert.deepEqual(
      vifs.map((vif) => [vif.preexisting, vif.tag, vif.active, vif.type]),
      [
        [false, 'nic1', true, 'user'],
        [true, null, true, 'user'],
      ],
    )
    const [first] = vifs
    assert.equal(first?.network.label, 'private')
    assert.equal(first?.devname, `tap${first?.id.slice(0, 11)}`)
    assert.equal(first?.fixedIps[0]?.cidr, '10.0.0.0/24')
    assert.equal(first?.fixedIps[0]?.gateway, '10.0.0.1')
    const stored = await portsOf(instance.instanceUuid)
    assert.deepEqual(new Set(stored.map((port) => port['device_owner'])), new Set(['compute:nova']))
    assert.deepEqual(new Set(stored.map((port) => port['project_id'])), new Set([DEMO]))
  })

  it('done twice uses the ports of the first time, also on another host', async () => {
    const instance = owner()
    const requests = [request(), request({ fixedIp: '10.0.0.77' })]
    const once = await networks.allocate(instance, requests)
    const again = await networks.allocate({ ...instance, host: 'host2' }, requests)
    assert.deepEqual(
      again.map((vif) => vif.id),
      once.map((vif) => vif.id),
    )
    const hosts = (await portsOf(instance.instanceUuid)).map((port) => port['binding:host_id'])
    assert.deepEqual(hosts, ['host2', 'host2'])
  })

  it('leaves nothing when one of several cannot be had', async () => {
    const other = await callerPort({ device_id: 'another-server' })
    const given = await callerPort()
    const instance = owner()
    const requests = [request(), request({ portId: given.id }), request({ portId: other.id })]
    await assert.rejects(
      networks.allocate(instance, requests),
      (error) => isFault(error, 'conflict') && error.code === 'PortInUse',
    )
    assert.deepEqual(await portsOf(instance.instanceUuid), [])
    assert.equal((await networks.findPort(given.id, { token: 'demo', projectId: DEMO }))?.bindingHost, null)
  })
})

describe('several instances at the same moment', () => {
  /** A client of its own, whose requests that make ports are told, and may lose their answers. */
  const watched = () => {
    const posts: number[] = []
    const lost = { next: false }
    const http: HttpClient = {
      ...stand.http,
      async send(call) {
        const answer = await stand.http.send(call)
        if (call.method !== 'POST' || !call.url.endsWith('/ports')) return answer
        posts.push((call.json as { ports: unknown[] }).ports.length)
        if (!lost.next) return answer
        lost.next = false
        throw new HttpFailure('the connection broke')
      },
    }
    return { posts, lost, networks: createNetworks({ http, session: stand.session }) }
  }
  const idsOf = async (uuid: string) => (await portsOf(uuid)).map((port) => port['id'])

  it('have their ports made in one request, and each gets its own', async () => {
    const { posts, networks: all } = watched()
    const owners = [owner(), owner({ projectId: ALT }), owner({ host: 'host2' })]
    const vifs = await Promise.all(owners.map((one) => all.allocate(one, [request(), request()])))
    assert.deepEqual(posts, [6])
    for (const [at, one] of owners.entries()) {
      const stored = await portsOf(one.instanceUuid)
      assert.deepEqual(new Set(vifs[at]?.map(({ id }) => id)), new Set(stored.map((port) => port['id'])))
      assert.deepEqual(new Set(stored.map((port) => port['project_id'])), new Set([one.projectId]))
      assert.deepEqual(new Set(stored.map((port) => port['binding:host_id'])), new Set([one.host]))
    }
  })

  it('are told alone what is refused: one that cannot have its ports does not keep the others from theirs', async () => {
    const { posts, networks: all } = watched()
    const [good, bad, other] = [owner(), owner(), owner()]
    const results = await Promise.allSettled([
      all.allocate(good, [request()]),
      all.allocate(bad, [request(), request({ fixedIp: '192.0.2.1' })]),
      all.allocate(other, [request()]),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.ok(results[1].status === 'rejected' && isFault(results[1].reason, 'badRequest'))
    assert.equal(posts[0], 4)
    for (const [one, count] of [
      [good, 1],
      [bad, 0],
      [other, 1],
    ] as const)
      assert.equal((await portsOf(one.instanceUuid)).length, count)
  })

  it('find the ports of a request whose answer was lost', async () => {
    const { lost, networks: all } = watched()
    const owners = [owner(), owner()]
    lost.next = true
    const first = await Promise.allSettled(owners.map((one) => all.allocate(one, [request()])))
    for (const result of first)
      assert.ok(result.status === 'rejected' && isFault(result.reason, 'unavailable'))
    const made = await Promise.all(owners.map(({ instanceUuid }) => idsOf(instanceUuid)))
    const vifs = await Promise.all(owners.map((one) => all.allocate(one, [request()])))
    assert.deepEqual(
      vifs.map((list) => list.map(({ id }) => id)),
      made,
    )
    for (const { instanceUuid } of owners) assert.equal((await portsOf(instanceUuid)).length, 1)
  })
})

describe('release', () => {
  it('removes what was made, lets go of what was given, and does not mind when nothing is there', async () => {
    const given = await callerPort()
    const instance = owner()
    await networks.allocate(instance, [request(), request({ portId: given.id })])
    await networks.release(instance.instanceUuid, [given.id])
    await networks.release(instance.instanceUuid, [given.id])
    assert.deepEqual(await portsOf(instance.instanceUuid), [])
    const kept = await networks.findPort(given.id, { token: 'demo', projectId: DEMO })
    assert.deepEqual([kept?.deviceId, kept?.vifType], ['', 'unbound'])
  })
})

describe('what is there', () => {
  it('shows a floating IP on the interface it leads to', async () => {
    const instance = owner()
    const [vif] = await networks.allocate(instance, [request()])
    const floating = await stand.ok<{ floating_ip_address: string }>('demo', 'POST', 'floatingips', {
      floatingip: { floating_network_id: stand.provisioned.publicNetworkId, port_id: vif?.id },
    })
    const [seen] = await networks.vifs(instance.instanceUuid)
    assert.deepEqual(seen?.fixedIps[0]?.floatingIps, [floating.floating_ip_address])
  })

  it('finds servers by parts of addresses, as the caller may see them', async () => {
    const instance = owner()
    const [vif] = await networks.allocate(instance, [request()])
    const address = vif?.fixedIps[0]?.address ?? ''
    const found = (part: string, token = 'demo') =>
      networks.instancesByAddress?.(part, { token, projectId: DEMO })
    assert.deepEqual(await found(address), [instance.instanceUuid])
    assert.ok((await found(address.slice(1, -1)))?.includes(instance.instanceUuid))
    assert.deepEqual(await found(address, 'alt'), [])
  })

  it('offers a server the caller’s own networks and shared ones, not external ones', async () => {
    const names = async (token: string, projectId: string) =>
      (await networks.available({ token, projectId })).map((one) => one.name)
    assert.deepEqual(await names('demo', DEMO), ['private'])
    assert.deepEqual(await names('alt', ALT), [])
    const seen = await networks.visible({ token: 'demo', projectId: DEMO })
    assert.deepEqual(seen.map((one) => one.name).sort(), ['private', 'public'])
  })

  it('knows the groups of several servers, the room left for ports, and what is not there', async () => {
    const caller = { token: 'demo', projectId: DEMO }
    const [a, b] = [owner(), owner()]
    const web = await stand.ok<{ id: string }>('demo', 'POST', 'security-groups', {
      security_group: { name: 'web' },
    })
    await networks.allocate(a, [request({ securityGroupIds: [web.id] })])
    await networks.allocate(b, [request()])
    const groups = await networks.securityGroupsOf([a.instanceUuid, b.instanceUuid])
    assert.deepEqual(
      groups.get(a.instanceUuid)?.map((group) => group.name),
      ['web'],
    )
    assert.deepEqual(
      groups.get(b.instanceUuid)?.map((group) => group.name),
      ['default'],
    )
    assert.deepEqual(
      (await networks.securityGroups(caller, { names: ['web'] })).map((group) => group.id),
      [web.id],
    )
    const left = (await networks.portsLeft(caller)) ?? 0
    await callerPort()
    assert.equal(await networks.portsLeft(caller), left - 1)
    assert.equal(await networks.findPort(randomIds.uuid(), caller), undefined)
    assert.deepEqual(await networks.findNetworks([randomIds.uuid()], caller), [])
  })
})
