/** Interfaces of servers at the API's door: what is bound and begun, what is refused, and how they look in each version. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { NETWORK_ID } from './compute-api.ts'
import { activate, message, startCloud } from './servers-there.ts'

const NOBODY = '99999999-0000-4000-8000-000000000009'

test('an attach binds a port, which the answer shows, and a detach begins its end', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  const path = `/servers/${uuid}/os-interface`
  const had = (await getInstance(api.db.typed<NovaDb>(), uuid)).networkInfo.length
  const wish = { net_id: NETWORK_ID, fixed_ips: [{ ip_address: '10.0.0.7' }], tag: 'nic' }
  const made = await api.send(`POST ${path}`, { at: '2.70', body: { interfaceAttachment: wish } })
  assert.equal(made.status, 200, made.text)
  const shown = made.body.interfaceAttachment as Record<string, unknown>
  const [port] = api.there.ports
  assert.deepEqual(shown, {
    net_id: NETWORK_ID,
    port_id: port?.id,
    mac_addr: 'fa:16:3e:00:00:09',
    port_state: 'ACTIVE',
    fixed_ips: [{ subnet_id: 'dddddddd-0000-4000-8000-000000000001', ip_address: '10.0.0.7' }],
    tag: 'nic',
  })
  const { networkInfo } = await getInstance(api.db.typed<NovaDb>(), uuid)
  assert.deepEqual([networkInfo.length, networkInfo.at(-1)?.id], [had + 1, port?.id])
  const only = await api.send(`POST ${path}`, { body: {} })
  assert.equal(only.status, 200, 'the only network there is is taken')
  assert.equal('tag' in (only.body.interfaceAttachment as object), false)

  assert.equal((await api.send(`DELETE ${path}/${port?.id}`)).status, 202)
  const rows = await api.db.typed<NovaDb>().selectFrom('operations').select('saga').execute()
  assert.deepEqual(
    rows.map(({ saga }) => saga).filter((saga) => saga.endsWith('interface')),
    ['attach-interface', 'attach-interface', 'detach-interface'],
  )
  const { body } = await api.send(`GET /servers/${uuid}/os-instance-actions`)
  const actions = (body.instanceActions as { action: string }[]).map(({ action }) => action)
  assert.ok(actions.includes('attach_interface') && actions.includes('detach_interface'))
})

test('refusals of attach and detach are Nova’s, and leave no port', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  const path = `/servers/${uuid}/os-interface`
  const post = async (wish: object, as: 'demo' | 'reader' = 'demo') => {
    const answer = await api.send(`POST ${path}`, { as, body: { interfaceAttachment: wish } })
    return `${answer.status} ${message(answer.body)}`
  }
  const net = { net_id: NETWORK_ID }
  assert.match(await post(net), /^409 Cannot 'attach_interface' instance .* vm_state building$/)
  await activate(api, uuid)
  assert.match(await post(net, 'reader'), /^403 /)
  assert.equal(await post({ ...net, port_id: NOBODY }), '400 Must not input both network_id and port_id')
  const address = { fixed_ips: [{ ip_address: '10.0.0.7' }] }
  assert.equal(await post(address), '400 Must input network_id when request IP address')
  assert.equal(await post({ port_id: NOBODY }), `404 Port id ${NOBODY} could not be found.`)
  assert.equal(await post({ net_id: NOBODY }), `404 Network ${NOBODY} could not be found.`)
  const [network] = api.there.networks
  assert.ok(network)
  api.there.networks = [network, { ...network, id: NOBODY }]
  assert.match(await post({}), /^400 More than one possible network found/)
  api.there.networks = []
  assert.match(await post({}), /^400 No specific network was requested and none are available for project/)
  api.there.networks = [{ ...network, external: true }]
  assert.match(await post(net), /^403 It is not allowed to create an interface on external network /)
  api.there.networks = [{ ...network, subnetIds: [] }]
  assert.match(await post(net), /^400 Network .* requires a subnet/)
  api.there.networks = [network]
  assert.equal((await api.send(`DELETE ${path}/${NOBODY}`)).status, 202, 'its action fails')
  const { body } = await api.send(`GET /servers/${uuid}/os-instance-actions`)
  const [last] = body.instanceActions as { action: string; message: string }[]
  assert.deepEqual([last?.action, last?.message], ['detach_interface', 'Error'])
  const faults = await latestInstanceFaults(api.db.typed<NovaDb>(), [uuid])
  assert.equal(faults.get(uuid)?.message, `Port ${NOBODY} is not attached`)
  await updateInstance(api.db.typed<NovaDb>(), uuid, { vmState: 'suspended' }, { now: 2 })
  assert.match(await post(net), /^409 Cannot 'attach_interface' .* vm_state suspended$/)
  assert.deepEqual(api.there.ports, [])
})
