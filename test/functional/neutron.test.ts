/** The Neutron stand-in over HTTP: what it makes, what it refuses and in which words, and who sees what. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { DEMO, type Stand, startNeutron } from './neutron-stand.ts'

interface Doc extends Record<string, unknown> {
  id: string
}

let stand: Stand
before(async () => {
  stand = await startNeutron()
})
after(() => stand.close())

const errorOf = (answer: { json: unknown }) =>
  (answer.json as { NeutronError: { type: string; message: string } }).NeutronError

async function refused(
  status: number,
  type: string,
  who: string,
  method: string,
  path: string,
  json?: unknown,
) {
  const answer = await stand.call(who, method, path, json)
  assert.equal(answer.status, status, answer.text)
  assert.equal(errorOf(answer).type, type, answer.text)
}

const newNetwork = async (who: string, cidr: string, more: object = {}) => {
  const network = await stand.ok<Doc>(who, 'POST', 'networks', { network: { name: 'n', ...more } })
  const subnet = await stand.ok<Doc>(who, 'POST', 'subnets', {
    subnet: { network_id: network.id, cidr, ip_version: 4 },
  })
  return { network, subnet }
}

const newPort = (who: string, networkId: string, more: object = {}) =>
  stand.ok<Doc & { fixed_ips: { ip_address: string; subnet_id: string }[]; security_groups: string[] }>(
    who,
    'POST',
    'ports',
    {
      port: { network_id: networkId, ...more },
    },
  )

describe('the first start', () => {
  it('makes public, private and a router between them', async () => {
    const networks = await stand.ok<Doc[]>('demo', 'GET', 'networks')
    assert.deepEqual(networks.map((one) => String(one['name'])).toSorted(), ['private', 'public'])
    const [router] = await stand.ok<Doc[]>('demo', 'GET', 'routers')
    assert.equal(
      (router?.['external_gateway_info'] as Doc | undefined)?.['network_id'],
      stand.provisioned.publicNetworkId,
    )
    const legs = await stand.ok<Doc[]>('demo', 'GET', `ports?device_id=${router?.id ?? ''}`)
    assert.deepEqual(
      legs.map((leg) => leg['device_owner']),
      ['network:router_interface'],
    )
  })
})

describe('addresses', () => {
  it('gives every port of many made at once its own address, and refuses one too many', async () => {
    const { network } = await newNetwork('demo', '10.9.0.0/28')
    const answers = await Promise.all(
      Array.from({ length: 16 }, () =>
        stand.call('demo', 'POST', 'ports', { port: { network_id: network.id } }),
      ),
    )
    const made = answers.filter((one) => one.status === 201)
    const ips = made.map(
      (one) => (one.json as { port: { fixed_ips: { ip_address: string }[] } }).port.fixed_ips[0]?.ip_address,
    )
    assert.equal(new Set(ips).size, 13)
    const late = answers.find((one) => one.status !== 201)
    assert.equal(late?.status, 409)
    assert.equal(errorOf(late ?? { json: undefined }).type, 'IpAddressGenerationFailure')
  })

  it('refuses an address in use, outside the subnet, or the network itself', async () => {
    const { network, subnet } = await newNetwork('demo', '10.9.1.0/24')
    const at = (ip_address: string) => ({ port: { network_id: network.id, fixed_ips: [{ ip_address }] } })
    await stand.ok('demo', 'POST', 'ports', at('10.9.1.20'))
    await refused(409, 'IpAddressAlreadyAllocated', 'demo', 'POST', 'ports', at('10.9.1.20'))
    await refused(400, 'InvalidIpForNetwork', 'demo', 'POST', 'ports', at('10.9.2.20'))
    await refused(400, 'InvalidIpForSubnet', 'demo', 'POST', 'ports', at('10.9.1.255'))
    await refused(400, 'HTTPBadRequest', 'demo', 'POST', 'ports', at('10.9.1.300; reboot'))
    // A subnet named twice is no mistake: it asks for two of its addresses.
    const two = await newPort('demo', network.id, {
      fixed_ips: [{ subnet_id: subnet.id }, { subnet_id: subnet.id }],
    })
    assert.equal(two.fixed_ips.length, 2)
  })

  it('frees the address with the port, and rolls a failed bulk create back whole', async () => {
    const { network } = await newNetwork('demo', '10.9.3.0/30')
    const both = [{ network_id: network.id }, { network_id: network.id }]
    await refused(409, 'IpAddressGenerationFailure', 'demo', 'POST', 'ports', { ports: both })
    assert.deepEqual(await stand.ok('demo', 'GET', `ports?network_id=${network.id}`), [])
    const port = await newPort('demo', network.id)
    assert.equal((await stand.call('demo', 'DELETE', `ports/${port.id}`)).status, 204)
    await newPort('demo', network.id)
  })

  it('never gives the same address twice, whatever the pools', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        async (start, length) => {
          const network = await stand.ok<Doc>('admin', 'POST', 'networks', { network: {} })
          const pool = { start: `10.8.0.${start}`, end: `10.8.0.${start + length - 1}` }
          const subnet = {
            network_id: network.id,
            cidr: '10.8.0.0/24',
            ip_version: 4,
            allocation_pools: [pool],
          }
          await stand.ok('admin', 'POST', 'subnets', { subnet })
          const answers = []
          for (let i = 0; i <= length; i++)
            answers.push(await stand.call('admin', 'POST', 'ports', { port: { network_id: network.id } }))
          assert.deepEqual(
            answers.map((one) => one.status),
            [...Array.from({ length }, () => 201), 409],
          )
          for (const port of await stand.ok<Doc[]>('admin', 'GET', `ports?network_id=${network.id}`))
            await stand.call('admin', 'DELETE', `ports/${port.id}`)
          assert.equal((await stand.call('admin', 'DELETE', `networks/${network.id}`)).status, 204)
        },
      ),
      { numRuns: 8 },
    )
  })
})

describe('security groups', () => {
  it("makes a project's default group with its four rules when it first looks", async () => {
    const groups = await stand.ok<Doc[]>('alt', 'GET', 'security-groups')
    assert.deepEqual(
      groups.map((group) => group['name']),
      ['default'],
    )
    const rules = groups[0]?.['security_group_rules'] as Doc[]
    const summary = rules.map(
      (rule) =>
        `${String(rule['direction'])} ${String(rule['ethertype'])} ${rule['remote_group_id'] === null ? 'any' : 'group'}`,
    )
    assert.deepEqual(summary.sort(), [
      'egress IPv4 any',
      'egress IPv6 any',
      'ingress IPv4 group',
      'ingress IPv6 group',
    ])
  })

  it('refuses duplicate and impossible rules in Neutron’s words', async () => {
    const group = await stand.ok<Doc>('demo', 'POST', 'security-groups', { security_group: { name: 'web' } })
    const rule = (more: object) => ({
      security_group_rule: { security_group_id: group.id, direction: 'ingress', ...more },
    })
    const ssh = rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22 })
    await stand.ok('demo', 'POST', 'security-group-rules', ssh)
    const refusals: [number, string, object][] = [
      [409, 'SecurityGroupRuleExists', { protocol: 'tcp', port_range_min: 22, port_range_max: 22 }],
      [400, 'SecurityGroupInvalidPortRange', { protocol: 'tcp', port_range_min: 30, port_range_max: 22 }],
      [400, 'SecurityGroupInvalidPortValue', { protocol: 'udp', port_range_min: 5 }],
      [400, 'SecurityGroupRuleInvalidProtocol', { protocol: 'carrier-pigeon' }],
      [400, 'SecurityGroupProtocolRequiredWithPorts', { port_range_min: 1, port_range_max: 2 }],
      [400, 'SecurityGroupMissingIcmpType', { protocol: 'icmp', port_range_max: 2 }],
      [400, 'SecurityGroupInvalidIcmpValue', { protocol: 'icmp', port_range_min: 256 }],
      [400, 'SecurityGroupRuleParameterConflict', { ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' }],
      [400, 'HTTPBadRequest', { direction: 'sideways' }],
      [404, 'SecurityGroupNotFound', { remote_group_id: '11111111-1111-4111-8111-111111111111' }],
    ]
    for (const [status, type, more] of refusals)
      await refused(status, type, 'demo', 'POST', 'security-group-rules', rule(more))
  })

  it('shows the prefix of a rule as it was sent, and normalized beside it', async () => {
    const group = await stand.ok<Doc>('demo', 'POST', 'security-groups', { security_group: { name: 'lan' } })
    const of = (remote_ip_prefix: string) => ({
      security_group_rule: { security_group_id: group.id, direction: 'ingress', remote_ip_prefix },
    })
    const rule = await stand.ok<Doc>('demo', 'POST', 'security-group-rules', of('10.2.3.124/24'))
    assert.equal(rule['remote_ip_prefix'], '10.2.3.124/24')
    assert.equal(rule['normalized_cidr'], '10.2.3.0/24')
    await refused(409, 'SecurityGroupRuleExists', 'demo', 'POST', 'security-group-rules', of('10.2.3.0/24'))
  })

  it('keeps a group that a port uses, and the default one', async () => {
    const { network } = await newNetwork('demo', '10.9.4.0/24')
    const group = await stand.ok<Doc>('demo', 'POST', 'security-groups', { security_group: { name: 'used' } })
    const port = await newPort('demo', network.id, { security_groups: [group.id] })
    await refused(409, 'SecurityGroupInUse', 'demo', 'DELETE', `security-groups/${group.id}`)
    await stand.ok('demo', 'PUT', `ports/${port.id}`, { port: { security_groups: [] } })
    assert.equal((await stand.call('demo', 'DELETE', `security-groups/${group.id}`)).status, 204)
    const [byDefault] = (await newPort('demo', network.id)).security_groups
    await refused(
      409,
      'SecurityGroupCannotRemoveDefault',
      'demo',
      'DELETE',
      `security-groups/${byDefault ?? ''}`,
    )
  })
})

describe('floating IPs', () => {
  it('lead to a port that a router joins to the external network, once, and let go with it', async () => {
    const port = await newPort('demo', stand.provisioned.privateNetworkId)
    const create = {
      floatingip: { floating_network_id: stand.provisioned.publicNetworkId, port_id: port.id },
    }
    const floating = await stand.ok<Doc>('demo', 'POST', 'floatingips', create)
    assert.equal(floating['status'], 'ACTIVE')
    assert.equal(floating['fixed_ip_address'], port.fixed_ips[0]?.ip_address)
    await refused(409, 'FloatingIPPortAlreadyAssociated', 'demo', 'POST', 'floatingips', create)
    assert.equal((await stand.call('demo', 'DELETE', `ports/${port.id}`)).status, 204)
    const after = await stand.ok<Doc>('demo', 'GET', `floatingips/${floating.id}`)
    assert.deepEqual([after['port_id'], after['status']], [null, 'DOWN'])
    assert.equal((await stand.call('demo', 'DELETE', `floatingips/${floating.id}`)).status, 204)
  })

  it('are refused where no router leads', async () => {
    const { network } = await newNetwork('demo', '10.9.5.0/24')
    const port = await newPort('demo', network.id)
    const create = {
      floatingip: { floating_network_id: stand.provisioned.publicNetworkId, port_id: port.id },
    }
    await refused(404, 'ExternalGatewayForFloatingIPNotFound', 'demo', 'POST', 'floatingips', create)
    await refused(400, 'BadRequest', 'demo', 'POST', 'floatingips', {
      floatingip: { floating_network_id: network.id },
    })
  })
})

describe('routers', () => {
  it('take and give back subnets, and stay while they have any', async () => {
    const { subnet } = await newNetwork('demo', '10.9.6.0/24')
    const router = await stand.ok<Doc>('demo', 'POST', 'routers', { router: { name: 'r' } })
    await stand.ok('demo', 'PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
    await refused(409, 'RouterInUse', 'demo', 'DELETE', `routers/${router.id}`)
    await refused(409, 'SubnetInUse', 'demo', 'DELETE', `subnets/${subnet.id}`)
    const [leg] = await stand.ok<Doc[]>('demo', 'GET', `ports?device_id=${router.id}`)
    await refused(409, 'ServicePortInUse', 'demo', 'DELETE', `ports/${leg?.id ?? ''}`)
    await stand.ok('demo', 'PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })
    assert.equal((await stand.call('demo', 'DELETE', `routers/${router.id}`)).status, 204)
  })
})

describe('who may what', () => {
  it('keeps projects apart', async () => {
    const { network, subnet } = await newNetwork('demo', '10.9.7.0/24')
    const port = await newPort('demo', network.id)
    for (const path of [`networks/${network.id}`, `subnets/${subnet.id}`, `ports/${port.id}`])
      for (const method of ['GET', 'DELETE'])
        assert.equal((await stand.call('alt', method, path)).status, 404, `${method} ${path}`)
    await refused(404, 'NetworkNotFound', 'alt', 'POST', 'ports', { port: { network_id: network.id } })
    assert.deepEqual(await stand.ok('alt', 'GET', `ports?network_id=${network.id}`), [])
  })

  it('shows shared networks to all, and lets nobody but their owner choose MACs there', async () => {
    const { network } = await newNetwork('admin', '10.9.8.0/24', { shared: true })
    await newPort('alt', network.id)
    await refused(403, 'PolicyNotAuthorized', 'alt', 'POST', 'ports', {
      port: { network_id: network.id, mac_address: 'fa:16:3e:00:00:01' },
    })
    await refused(403, 'PolicyNotAuthorized', 'alt', 'PUT', `networks/${network.id}`, {
      network: { name: 'mine' },
    })
    await refused(403, 'PolicyNotAuthorized', 'alt', 'POST', 'networks', { network: { shared: true } })
  })

  it('lets readers read only, hides bindings from all but admins, and asks for a token', async () => {
    await refused(403, 'PolicyNotAuthorized', 'reader', 'POST', 'networks', { network: {} })
    const [port] = await stand.ok<Doc[]>('reader', 'GET', 'ports')
    assert.ok(port && !('binding:host_id' in port) && 'binding:vnic_type' in port)
    await refused(403, 'PolicyNotAuthorized', 'demo', 'PUT', `ports/${port.id}`, {
      port: { 'binding:host_id': 'mine' },
    })
    assert.equal((await stand.call('nobody', 'GET', 'ports')).status, 401)
  })

  it('counts quotas', async () => {
    await stand.ok('admin', 'PUT', `quotas/${DEMO}`, { quota: { router: 2 } })
    const before = await stand.ok<Record<string, { used: number; limit: number }>>(
      'demo',
      'GET',
      `quotas/${DEMO}/details`,
    )
    for (let used = before['router']?.used ?? 0; used < 2; used++)
      await stand.ok('demo', 'POST', 'routers', { router: {} })
    await refused(409, 'OverQuota', 'demo', 'POST', 'routers', { router: {} })
    assert.equal((await stand.call('admin', 'DELETE', `quotas/${DEMO}`)).status, 204)
    await stand.ok('demo', 'POST', 'routers', { router: {} })
  })
})

describe('lists', () => {
  it('page through everything exactly once, sorted', async () => {
    const { network } = await newNetwork('alt', '10.9.10.0/24')
    const ports = Array.from({ length: 7 }, (_, i) => ({ network_id: network.id, name: `p${i}` }))
    await stand.ok('alt', 'POST', 'ports', { ports })
    const seen: unknown[] = []
    let path: string | undefined =
      `ports?network_id=${network.id}&limit=3&sort_key=name&sort_dir=desc&fields=name&fields=id`
    while (path !== undefined) {
      const answer = await stand.call('alt', 'GET', path)
      const body = answer.json as { ports: Doc[]; ports_links?: { rel: string; href: string }[] }
      assert.ok(body.ports.every((port) => Object.keys(port).length === 2))
      seen.push(...body.ports.map((port) => port['name']))
      path = body.ports_links?.find((link) => link.rel === 'next')?.href.split('/v2.0/')[1]
    }
    assert.deepEqual(seen, ['p6', 'p5', 'p4', 'p3', 'p2', 'p1', 'p0'])
    await refused(400, 'HTTPBadRequest', 'alt', 'GET', 'ports?limit=-1')
  })

  it('filter by any attribute, repeated values being alternatives', async () => {
    const { network } = await newNetwork('alt', '10.9.11.0/24', { name: 'filters' })
    const [a, b] = [
      await newPort('alt', network.id, { name: 'a' }),
      await newPort('alt', network.id, { name: 'b', device_id: 'd1' }),
    ]
    const names = async (query: string) =>
      (await stand.ok<Doc[]>('alt', 'GET', `ports?network_id=${network.id}&${query}`))
        .map((one) => String(one['name']))
        .toSorted()
    assert.deepEqual(await names('name=a&name=b'), ['a', 'b'])
    assert.deepEqual(await names('device_id=d1'), ['b'])
    assert.deepEqual(await names(`fixed_ips=ip_address%3D${a.fixed_ips[0]?.ip_address ?? ''}`), ['a'])
    assert.deepEqual(await names('admin_state_up=False'), [])
    assert.deepEqual(await names(`security_groups=${b.security_groups[0] ?? ''}`), ['a', 'b'])
  })
})

const SENT: Record<string, [singular: string, attributes: string[]]> = {
  networks: ['network', ['name', 'shared', 'mtu', 'project_id', 'admin_state_up']],
  subnets: ['subnet', ['network_id', 'cidr', 'ip_version', 'gateway_ip', 'allocation_pools', 'host_routes']],
  ports: [
    'port',
    ['network_id', 'fixed_ips', 'mac_address', 'security_groups', 'allowed_address_pairs', 'dns_name'],
  ],
  routers: ['router', ['name', 'external_gateway_info']],
  floatingips: ['floatingip', ['floating_network_id', 'port_id', 'fixed_ip_address', 'subnet_id']],
  'security-groups': ['security_group', ['name', 'description', 'stateful']],
  'security-group-rules': [
    'security_group_rule',
    ['security_group_id', 'direction', 'protocol', 'port_range_min', 'remote_ip_prefix'],
  ],
}

describe('bad input', () => {
  it('is a 4xx with Neutron’s body, whatever is sent', async () => {
    const ids = Object.values(stand.provisioned)
    const value = fc.oneof(
      fc.anything({ maxDepth: 2 }),
      fc.constantFrom<unknown>(
        ...ids,
        'ingress',
        'tcp',
        '10.7.0.0/24',
        '::/0',
        '10.7.0.1',
        4,
        -1,
        65_536,
        [],
        {},
        [{}],
        '../..',
        '$(id)',
      ),
      fc.constant({ network_id: ids[0] }),
    )
    const body = fc.constantFrom(...Object.keys(SENT)).chain((path) => {
      const [singular, attributes] = SENT[path] ?? ['', []]
      const fields = fc.dictionary(fc.constantFrom(...attributes), value, { maxKeys: attributes.length })
      return fc.tuple(
        fc.constant(path),
        fc.constant(singular),
        fc.oneof({ weight: 9, arbitrary: fields }, { weight: 1, arbitrary: fc.anything() }),
      )
    })
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom('demo', 'admin'), async ([path, singular, sent], who) => {
        const answer = await stand.call(who, 'POST', path, { [singular]: sent })
        assert.ok(answer.status < 500, `${path} ${JSON.stringify(sent)}: ${answer.text}`)
        if (answer.status >= 400) assert.ok(errorOf(answer).message)
      }),
      { numRuns: 400 },
    )
  })
})
