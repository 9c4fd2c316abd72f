/** Namespaces: from whatever is there to what should be, and nothing to do when it is. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Space } from './plan.ts'
import { innerCommands, legCommands } from './spaces.ts'

const space: Space = {
  name: 'kn0000-router-1',
  legs: [
    {
      root: 'kn0000r1',
      bridge: 'kn0000b1',
      inner: 'qr-1',
      mac: 'fa:16:3e:00:00:01',
      addresses: ['10.0.0.1/24', '172.24.4.9/32'],
      mtu: 1500,
    },
  ],
  loopback: ['169.254.169.254/32'],
  routes: [{ to: 'default', via: '172.24.4.1', device: 'qr-1' }],
  ruleset: null,
  networkIds: [],
}
const inet = (local: string, prefixlen: number, scope = 'global') => ({
  family: 'inet',
  local,
  prefixlen,
  scope,
})
const addressLines = (lines: readonly string[]) => lines.filter((line) => /^(addr|route)/.test(line))

describe('a namespace', () => {
  it('is filled when it is new', () => {
    assert.match(
      legCommands(space, new Set())[0] ?? '',
      /^link add kn0000r1 type veth peer name qr-1 netns kn0000-router-1$/,
    )
    assert.deepEqual(addressLines(innerCommands(space, [], [])), [
      'addr add 169.254.169.254/32 dev lo',
      'addr add 10.0.0.1/24 dev qr-1',
      'addr add 172.24.4.9/32 dev qr-1',
      'route replace default via 172.24.4.1 dev qr-1 onlink',
    ])
  })

  it('is left as it is when it is right', () => {
    const devices = [
      { ifname: 'lo', addr_info: [inet('127.0.0.1', 8, 'host'), inet('169.254.169.254', 32)] },
      {
        ifname: 'qr-1',
        address: 'fa:16:3e:00:00:01',
        addr_info: [inet('10.0.0.1', 24), inet('172.24.4.9', 32)],
      },
    ]
    const routes = [
      { dst: 'default', gateway: '172.24.4.1', dev: 'qr-1' },
      { dst: '10.0.0.0/24', dev: 'qr-1', protocol: 'kernel' },
    ]
    assert.ok(legCommands(space, new Set(['kn0000r1'])).every((line) => !line.startsWith('link add')))
    assert.deepEqual(addressLines(innerCommands(space, devices, routes)), [
      'route replace default via 172.24.4.1 dev qr-1 onlink',
    ])
  })

  it('loses what is no longer wanted, after it gained what is', () => {
    const devices = [
      {
        ifname: 'qr-1',
        address: 'fa:16:3e:00:00:09',
        addr_info: [inet('10.0.0.1', 24), inet('172.24.4.8', 32)],
      },
    ]
    const routes = [{ dst: 'default', gateway: '172.24.4.77', dev: 'qr-1' }]
    const lines = innerCommands(space, devices, routes)
    assert.ok(lines.some((line) => line.startsWith('link set qr-1 address fa:16:3e:00:00:01 ')))
    assert.ok(
      lines.indexOf('addr add 172.24.4.9/32 dev qr-1') < lines.indexOf('addr del 172.24.4.8/32 dev qr-1'),
    )
    assert.ok(lines.includes('route del default dev qr-1'))
  })
})
