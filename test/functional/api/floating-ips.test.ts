/** Floating addresses that are asked for without a pool. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PassedRequest } from '#neighbours/pass-through/port.ts'
import { startApi } from './compute-api.ts'
import { message } from './servers-there.ts'

/** A Neutron with two external networks. */
const networks = [
  { id: 'ext-1', name: 'nova' },
  { id: 'ext-2', name: 'public' },
]

for (const [defaultFloatingPool, network] of [
  ['public', 'ext-2'],
  ['ext-1', 'ext-1'],
  ['gone', null],
] as const)
  test(`an address that names no pool comes from the default one, here '${defaultFloatingPool}'`, async (t) => {
    const wanted: unknown[] = []
    const passThrough = {
      async ask({ method, path, json }: PassedRequest) {
        if (method === 'GET') return path.startsWith('networks') ? { networks } : { ports: [] }
        wanted.push(json)
        const floatingip = { id: 'ip', floating_ip_address: '192.0.2.9', floating_network_id: network }
        return { floatingip }
      },
    }
    const api = await startApi(t, { defaultFloatingPool }, { passThrough })
    const answer = await api.send('POST /os-floating-ips', { at: '2.35', body: { pool: null } })
    if (network === null) {
      assert.deepEqual([answer.status, message(answer.body)], [404, 'Floating IP pool not found.'])
      assert.deepEqual(wanted, [])
      return
    }
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(wanted, [{ floatingip: { floating_network_id: network } }])
  })
