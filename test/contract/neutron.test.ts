/** What Neutron keeps, on every database: addresses held once however many ask, and lists that end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startNeutron } from '../functional/neutron-stand.ts'
import { openStores } from './db.ts'

interface Port {
  readonly id: string
  readonly fixed_ips: readonly { readonly ip_address: string }[]
}

for (const { name, database } of await openStores({}))
  describe(name, () => {
    it('gives no address, default group or rule twice, however many ask at once', async () => {
      const stand = await startNeutron({ database })
      try {
        const network = await stand.ok<{ id: string }>('demo', 'POST', 'networks', { network: { name: 'n' } })
        await stand.ok('demo', 'POST', 'subnets', {
          subnet: { network_id: network.id, cidr: '10.9.0.0/26', ip_version: 4 },
        })
        const ask = () =>
          stand.call('demo', 'POST', 'ports', { port: { network_id: network.id, device_id: 'd1' } })
        const answers = await Promise.all(Array.from({ length: 30 }, ask))
        assert.deepEqual(
          new Set(answers.map((one) => one.status)),
          new Set([201]),
          answers.find((one) => one.status !== 201)?.text,
        )
        const ports = await stand.ok<Port[]>('demo', 'GET', 'ports?device_id=d1')
        assert.equal(new Set(ports.map((port) => port.fixed_ips[0]?.ip_address)).size, 30)
        const groups = await stand.ok<{ id: string }[]>('demo', 'GET', 'security-groups?name=default')
        assert.equal(groups.length, 1)
        const rule = {
          security_group_rule: { security_group_id: groups[0]?.id, direction: 'ingress', protocol: 'tcp' },
        }
        const rules = await Promise.all(
          [1, 2, 3].map(() => stand.call('demo', 'POST', 'security-group-rules', rule)),
        )
        assert.deepEqual(
          rules.map((one) => one.status).sort((a, b) => a - b),
          [201, 409, 409],
        )
        const page = await stand.call('demo', 'GET', `ports?network_id=${network.id}&limit=20`)
        assert.equal((page.json as { ports_links: unknown[] }).ports_links.length, 1)
        await Promise.all(ports.map((port) => stand.call('demo', 'DELETE', `ports/${port.id}`)))
        assert.equal((await stand.call('demo', 'DELETE', `networks/${network.id}`)).status, 204)
      } finally {
        await stand.close()
      }
    })

    it('is provisioned once', async () => {
      const first = await startNeutron({ database })
      const second = await startNeutron({ database })
      assert.deepEqual(second.provisioned, first.provisioned)
      await Promise.all([first.close(), second.close()])
    })
  })
