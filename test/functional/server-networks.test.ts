/** What a server has on its networks, over HTTP: interfaces and security groups. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { activeServer, ask, askOk, assertFault, privateNetwork, usersOfOneCloud } from './ask.ts'

const NOBODY = '11111111-2222-3333-4444-555555555555'

describe('networks of a server', () => {
  const users = usersOfOneCloud()

  test('interfaces are what the network service has', async () => {
    const { demo, reader, alt, admin } = users
    const net = await privateNetwork(demo)
    const id = await activeServer(demo, { networks: [{ uuid: net, tag: 'nic' }] })
    const { ports } = await demo.ok('network', 'GET', `/ports?device_id=${id}`)
    const [port] = ports
    const expected = {
      net_id: net,
      port_id: port.id,
      mac_addr: port.mac_address,
      port_state: 'ACTIVE',
      fixed_ips: port.fixed_ips,
    }
    const path = `/servers/${id}/os-interface`
    assert.deepEqual((await askOk(demo, `GET ${path}`, { at: '2.69' })).interfaceAttachments, [expected])
    assert.deepEqual((await askOk(reader, `GET ${path}`)).interfaceAttachments, [{ ...expected, tag: 'nic' }])
    const shown = await askOk(admin, `GET ${path}/${port.id}`)
    assert.deepEqual(shown.interfaceAttachment, { ...expected, tag: 'nic' })

    const gone = `Instance ${id} could not be found.`
    assertFault(await ask(alt, `GET ${path}`), 404, gone)
    assertFault(await ask(alt, `GET ${path}/${port.id}`), 404, gone)
    assertFault(await ask(demo, `GET /servers/${NOBODY}/os-interface`), 404)
    assertFault(await ask(demo, `GET ${path}/${NOBODY}`), 404, `Port id ${NOBODY} could not be found.`)
    assertFault(await ask(demo, `GET ${path}/nope`), 404, 'Port id nope could not be found.')
    const { port: other } = await demo.ok('network', 'POST', '/ports', { port: { network_id: net } })
    assertFault(
      await ask(demo, `GET ${path}/${other.id}`),
      404,
      `Instance ${id} does not have a port with id ${other.id}`,
    )
  })

  test('security groups are those of its ports, with their rules of old', async () => {
    const { demo, reader, alt } = users
    const { security_group: group } = await demo.ok('network', 'POST', '/security-groups', {
      security_group: { name: 'web', description: 'for the web' },
    })
    const { security_group_rule: rule } = await demo.ok('network', 'POST', '/security-group-rules', {
      security_group_rule: {
        security_group_id: group.id,
        direction: 'ingress',
        protocol: 'tcp',
        port_range_min: 80,
        port_range_max: 80,
        remote_ip_prefix: '192.0.2.0/24',
      },
    })
    const id = await activeServer(demo, {
      networks: [{ uuid: await privateNetwork(demo) }],
      security_groups: [{ name: 'web' }],
    })
    const path = `GET /servers/${id}/os-security-groups`
    const { security_groups: groups } = await askOk(demo, path)
    assert.deepEqual(groups, [
      {
        id: group.id,
        name: 'web',
        description: 'for the web',
        tenant_id: demo.projectId,
        rules: [
          {
            id: rule.id,
            parent_group_id: group.id,
            ip_protocol: 'tcp',
            from_port: 80,
            to_port: 80,
            ip_range: { cidr: '192.0.2.0/24' },
            group: {},
          },
        ],
      },
    ])
    assert.deepEqual((await askOk(reader, path)).security_groups, groups)
    assert.deepEqual((await askOk(demo, `GET /servers/${id}`)).server.security_groups, [{ name: 'web' }])
    assertFault(await ask(alt, path), 404, `Instance ${id} could not be found.`)
    const bare = await activeServer(demo)
    assert.deepEqual((await askOk(demo, `GET /servers/${bare}/os-security-groups`)).security_groups, [])
  })
})
