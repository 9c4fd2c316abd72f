/**
 * The network plane on this machine, with namespaces as guests: leases, filters, metadata, floating IPs,
 * and nothing left behind. Without root it must say so, and fall back to user networking.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { randomIds } from '#lib/ids.ts'
import { systemClock } from '#lib/clock.ts'
import { createLogs, silentLog } from '#lib/log.ts'
import type { Vif } from '#model/network/index.ts'
import { createNetworks, type Networks } from '#neighbours/networks/index.ts'
import { choosePlane, type NetworkPlane } from '#stand-ins/neutron/index.ts'
import { eventually } from '../eventually.ts'
import { DEMO, type Stand, startNeutron } from '../functional/neutron-stand.ts'
import { type FakeGuest, ip, plugGuest } from './fake-guest.ts'

const SECRET = 'a shared secret'
const isRoot = process.getuid?.() === 0
const log =
  process.env['TEST_LOG'] === undefined
    ? silentLog
    : createLogs({ level: 'debug', destination: 2 })('network')

let stateDir: string
let plane: NetworkPlane
before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'kn-plane-'))
  plane = await choosePlane({ stateDir, log, clock: systemClock, want: 'auto' })
})
after(() => rm(stateDir, { recursive: true, force: true }))

describe('the choice of a plane', () => {
  it('is bridges for root, and user networking with a reason for others', async () => {
    const said: string[] = []
    const listening = { ...silentLog, warn: (_fields: object, message: string) => said.push(message) }
    const chosen = isRoot
      ? await choosePlane({ stateDir, log: listening, clock: systemClock, want: 'user' })
      : plane
    assert.equal(chosen.vifType, 'user')
    if (!isRoot) return
    assert.equal(plane.vifType, 'bridge')
    await chosen.start(() => Promise.reject(new Error('not asked')))
    assert.match(said.join(), /user networking only: asked for/)
  })
})

/** Answers with what it was asked, and only questions that are signed. */
function metadataService(): Server {
  return createServer((request, response) => {
    const id = String(request.headers['x-instance-id'])
    const signature = createHmac('sha256', SECRET).update(id).digest('hex')
    const isSigned = request.headers['x-instance-id-signature'] === signature
    response.writeHead(isSigned ? 200 : 403)
    response.end(
      JSON.stringify({
        id,
        tenant: request.headers['x-tenant-id'],
        from: request.headers['x-forwarded-for'],
        url: request.url,
      }),
    )
  })
}

/** Waits until an assertion holds. */
const holds = (check: () => Promise<void>) => eventually(async () => (await check(), true))

if (isRoot)
  describe('networks of this machine', () => {
    let stand: Stand
    let networks: Networks
    let metadata: Server
    const guests: FakeGuest[] = []

    before(async () => {
      metadata = metadataService()
      await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
      const { port } = metadata.address() as AddressInfo
      stand = await startNeutron({
        plane,
        log,
        metadata: { upstream: { host: '127.0.0.1', port }, sharedSecret: SECRET },
      })
      networks = createNetworks({ http: stand.http, session: stand.session })
    })
    after(async () => {
      for (const guest of guests) await guest.close()
      await stand.close()
      await new Promise((resolve) => metadata.close(resolve))
      assert.deepEqual(await leftovers(), [])
    })

    const group = async (name: string) =>
      (await stand.ok<{ id: string }>('demo', 'POST', 'security-groups', { security_group: { name } })).id
    const allow = (groupId: string, more: object = {}) =>
      stand.ok<{ id: string }>('demo', 'POST', 'security-group-rules', {
        security_group_rule: {
          security_group_id: groupId,
          direction: 'ingress',
          protocol: 'tcp',
          port_range_min: 8080,
          port_range_max: 8080,
          ...more,
        },
      })
    const launch = async (
      securityGroupIds: string[],
    ): Promise<{ vif: Vif; guest: FakeGuest; uuid: string }> => {
      const uuid = randomIds.uuid()
      const owner = {
        instanceUuid: uuid,
        projectId: DEMO,
        host: 'host1',
        availabilityZone: 'nova',
        hostname: `guest-${guests.length}`,
      }
      const request = {
        networkId: stand.provisioned.privateNetworkId,
        portId: null,
        fixedIp: null,
        securityGroupIds,
        tag: null,
      }
      const [vif] = await networks.allocate(owner, [request])
      assert.ok(vif)
      const guest = await plugGuest(vif)
      guests.push(guest)
      return { vif, guest, uuid }
    }

    it('gives each guest its own lease and nobody else any', async () => {
      const { vif, guest } = await launch([])
      const lease = await guest.dhcp()
      const [fixed] = vif.fixedIps
      assert.equal(lease?.address, fixed?.address)
      assert.equal(lease?.router, fixed?.gateway)
      assert.equal(lease?.mtu, 1500)
      assert.ok(lease?.routes.startsWith('20a9fea9fe'), 'option 121 begins with 169.254.169.254/32')
      assert.equal(await guest.dhcp('fa:16:3e:99:99:99'), null)
    })

    it('lets guests of one group reach each other, and filters by rules that come and go', async () => {
      const [web, other] = [await group('web'), await group('other')]
      const a = await launch([other])
      const b = await launch([web])
      for (const { guest, vif } of [a, b]) await guest.configure(vif.fixedIps[0]?.gateway ?? null)
      await b.guest.listen(8080)
      assert.deepEqual(await a.guest.connect(b.guest.address, 8080), { error: 'timeout' })
      const rule = await allow(web, { remote_group_id: other })
      await holds(async () =>
        assert.deepEqual(await a.guest.connect(b.guest.address, 8080), { said: `from ${a.guest.address}` }),
      )
      const c = await launch([web])
      await c.guest.configure(null)
      assert.deepEqual(
        await c.guest.connect(b.guest.address, 8080),
        { error: 'timeout' },
        'not a member of the remote group',
      )
      await stand.call('demo', 'DELETE', `security-group-rules/${rule.id}`)
      await holds(async () =>
        assert.deepEqual(await a.guest.connect(b.guest.address, 8080), { error: 'timeout' }),
      )
      await allow(web, { remote_ip_prefix: `${c.guest.address}/32` })
      await holds(async () => assert.ok((await c.guest.connect(b.guest.address, 8080)).said))
      // Group mates under the default group need no rule.
      const [x, y] = [await launch([]), await launch([])]
      for (const { guest } of [x, y]) await guest.configure(null)
      await y.guest.listen(9090)
      assert.deepEqual(await x.guest.connect(y.guest.address, 9090), { said: `from ${x.guest.address}` })
    })

    it('ends the connections that a rule had let in when the rule goes, and no others', async () => {
      const [web, other] = [await group('streams'), await group('others')]
      const rule = await allow(web)
      const kept = await allow(other)
      const [server, mate, client] = [await launch([web]), await launch([other]), await launch([])]
      for (const { guest } of [server, mate, client]) await guest.configure(null)
      for (const { guest } of [server, mate]) await guest.listen(8080, 'echo')
      const cut = await client.guest.stream(server.guest.address, 8080)
      const spared = await client.guest.stream(mate.guest.address, 8080)
      const more = await allow(web, { port_range_min: 1000, port_range_max: 2000 })
      await stand.call('demo', 'DELETE', `security-group-rules/${rule.id}`)
      assert.equal((await cut.ended).ended, 'silence')
      assert.equal(await Promise.race([spared.ended, Promise.resolve('goes on')]), 'goes on')
      await stand.call('demo', 'DELETE', `security-group-rules/${kept.id}`)
      assert.ok((await spared.ended).echoes > 10)
      await stand.call('demo', 'DELETE', `security-group-rules/${more.id}`)
    })

    it('keeps guests away from this machine on their own network', async () => {
      const { guest } = await launch([])
      await guest.configure(null)
      const listener = createServer((_request, response) => response.end('in'))
      await new Promise<void>((resolve) => listener.listen(0, '0.0.0.0', resolve))
      const { port } = listener.address() as AddressInfo
      const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
      for (const { address, family, internal } of addresses) {
        if (family !== 'IPv4' || internal) continue
        await guest.ip('route', 'replace', `${address}/32`, 'dev', 'eth0')
        assert.ok((await guest.connect(address, port)).error, address)
      }
      await new Promise((resolve) => listener.close(resolve))
    })

    it('drops what a guest sends under another name', async () => {
      const open = await group('open')
      await allow(open)
      const [a, b] = [await launch([open]), await launch([open])]
      for (const { guest } of [a, b]) await guest.configure(null)
      await b.guest.listen(8080)
      assert.ok((await a.guest.connect(b.guest.address, 8080)).said)
      const free = a.guest.address.replace(/\d+$/, '250')
      await a.guest.ip('addr', 'add', `${free}/24`, 'dev', 'eth0')
      assert.deepEqual(await a.guest.connect(b.guest.address, 8080, free), { error: 'timeout' })
      assert.ok((await a.guest.connect(b.guest.address, 8080)).said)
      await a.guest.ip('link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
      assert.ok((await a.guest.connect(b.guest.address, 8080)).error)
    })

    it('answers metadata about the guest that asks, whatever it pretends, on the way out of any router too', async () => {
      const [a, b] = [await launch([]), await launch([])]
      const gateway = a.vif.fixedIps[0]?.gateway ?? null
      for (const { guest } of [a, b]) await guest.configure(gateway)
      const ask = (guest: FakeGuest, ...headers: string[]) =>
        guest.tool<{ status: number; body: string }>(
          'get',
          'http://169.254.169.254/openstack/latest/meta_data.json',
          ...headers,
        )
      const told = await eventually(async () => {
        const answer = await ask(a.guest)
        return answer.status === 200 ? (JSON.parse(answer.body) as Record<string, string>) : undefined
      })
      assert.deepEqual(told, {
        id: a.uuid,
        tenant: DEMO,
        from: a.guest.address,
        url: '/openstack/latest/meta_data.json',
      })
      const forged = await ask(
        a.guest,
        'X-Forwarded-For',
        b.guest.address,
        'X-Instance-ID',
        b.uuid,
        'X-Tenant-ID',
        DEMO,
      )
      assert.equal((JSON.parse(forged.body) as { id: string }).id, a.uuid)
      // Straight to the network's own server, as DHCP option 121 has it.
      await a.guest.ip('route', 'add', '169.254.169.254/32', 'via', b.vif.fixedIps[0]?.dhcpServer ?? '')
      assert.equal((JSON.parse((await ask(a.guest)).body) as { id: string }).id, a.uuid)
    })

    it('forwards a floating IP, and lets this machine in as the rules say', async () => {
      const web = await group('floating')
      const { vif, guest } = await launch([web])
      await guest.configure(vif.fixedIps[0]?.gateway ?? null)
      await guest.listen(8080)
      const floating = await stand.ok<{ id: string; floating_ip_address: string }>(
        'demo',
        'POST',
        'floatingips',
        {
          floatingip: { floating_network_id: stand.provisioned.publicNetworkId, port_id: vif.id },
        },
      )
      const reach = async (address: string) => {
        const { stdout } = await promisify(execFile)(process.execPath, [
          join(import.meta.dirname, 'guest-tool.ts'),
          'connect',
          address,
          '8080',
        ])
        return JSON.parse(stdout) as { said?: string; error?: string }
      }
      assert.ok((await reach(floating.floating_ip_address)).error)
      await allow(web)
      await holds(async () => assert.match((await reach(floating.floating_ip_address)).said ?? '', /^from /))
      assert.match(
        (await reach(guest.address)).said ?? '',
        /^from /,
        'the fixed address, by the route through the router',
      )
      assert.match(
        (await guest.connect(floating.floating_ip_address, 8080)).said ?? '',
        /^from /,
        'a neighbour by its floating IP',
      )
      await stand.call('demo', 'DELETE', `floatingips/${floating.id}`)
      await holds(async () => assert.ok((await reach(floating.floating_ip_address)).error))
    })

    it('serves a network made later, and takes it away with its last port', async () => {
      const network = await stand.ok<{ id: string }>('demo', 'POST', 'networks', {
        network: { name: 'later' },
      })
      await stand.ok('demo', 'POST', 'subnets', {
        subnet: { network_id: network.id, cidr: '10.99.0.0/24', ip_version: 4 },
      })
      const owner = {
        instanceUuid: randomIds.uuid(),
        projectId: DEMO,
        host: 'host1',
        availabilityZone: 'nova',
        hostname: 'later',
      }
      const [vif] = await networks.allocate(owner, [
        { networkId: network.id, portId: null, fixedIp: '10.99.0.50', securityGroupIds: [], tag: null },
      ])
      assert.ok(vif)
      const guest = await plugGuest(vif)
      assert.equal((await guest.dhcp())?.address, '10.99.0.50')
      await guest.close()
      await networks.release(owner.instanceUuid, [])
      assert.equal((await stand.call('demo', 'DELETE', `networks/${network.id}`)).status, 204)
      const bridge = String(vif.details['bridge_name'])
      await eventually(async () => !(await ip('-o', 'link', 'show')).includes(bridge))
    })

    /** Anything of this cloud that is still there. */
    async function leftovers(): Promise<string[]> {
      const prefix = networkDetails?.slice(0, 6) ?? 'kn'
      const links = (await ip('-o', 'link', 'show')).split('\n').filter((line) => line.includes(prefix))
      const spaces = (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(prefix))
      const tables = (await promisify(execFile)('nft', ['list', 'tables'])).stdout
        .split('\n')
        .filter((line) => line.includes(prefix))
      const runs = (await readdir('/run')).filter((name) => name === prefix)
      const processes = []
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
        if (line.includes(`/run/${prefix}/`)) processes.push(line)
      }
      return [...links, ...spaces, ...tables, ...runs, ...processes]
    }
    let networkDetails: string | undefined
    before(() => {
      networkDetails = String(plane.vifDetails(randomIds.uuid())['bridge_name'])
    })
  })
