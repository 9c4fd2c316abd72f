/** External events through HTTP: each gets its own code, and what follows of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { eventually } from '../../eventually.ts'
import { activate, startCloud } from './servers-there.ts'

const NOBODY = '99999999-0000-4000-8000-000000000009'

test('events get a code each, and the conductor hears of interfaces once', async (t) => {
  const api = await startCloud(t)
  const heard: unknown[] = []
  const conductor = await api.bus.serve('conductor', {
    networksChanged: async (payload) => {
      heard.push(payload)
      return null
    },
    operationReady: async () => null,
  })
  t.after(() => conductor.close())
  const [up, waiting] = [await api.make(), await api.make()]
  await activate(api, up)
  const ask = (events: object[], at = '2.93', as: 'admin' | 'demo' = 'admin') =>
    api.send('POST /os-server-external-events', { as, at, body: { events } })
  const plugged = { name: 'network-vif-plugged', server_uuid: up, tag: 'port', status: 'completed' }
  const changed = { name: 'network-changed', server_uuid: up }
  const good = await ask([plugged, changed])
  assert.equal(good.status, 200)
  assert.deepEqual(good.body.events, [
    { ...plugged, code: 200 },
    { ...changed, status: 'completed', code: 200 },
  ])
  await eventually(() => heard.length > 0, { what: 'the conductor heard of it' })
  assert.deepEqual(heard, [{ instanceUuids: [up] }])

  const mixed = await ask([
    { name: 'network-changed', server_uuid: NOBODY },
    { name: 'network-changed', server_uuid: waiting },
    { name: 'volume-extended', server_uuid: up },
    { name: 'volume-extended', server_uuid: up, tag: 'volume', status: 'failed' },
  ])
  assert.equal(mixed.status, 207)
  assert.deepEqual(
    (mixed.body.events as { status: string; code: number }[]).map(({ status, code }) => [status, code]),
    [
      ['failed', 404],
      ['failed', 422],
      ['failed', 400],
      ['completed', 200],
    ],
  )
  for (const [name, since] of [
    ['volume-extended', '2.51'],
    ['power-update', '2.76'],
    ['accelerator-request-bound', '2.82'],
    ['volume-reimaged', '2.93'],
  ] as const) {
    const event = { name, server_uuid: up, tag: 't' }
    assert.equal((await ask([event], since)).status, 200)
    assert.equal((await ask([event], `2.${Number(since.slice(2)) - 1}`)).status, 400)
  }
  assert.equal((await ask([changed], '2.1', 'demo')).status, 403)
  assert.equal((await ask([])).status, 400)
})

test('a machine that was switched off or on takes its server with it', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  const nova = api.db.typed<NovaDb>()
  const sagas = async () => {
    const live = await api.db.transaction<NovaDb, Awaited<ReturnType<typeof listLiveOperations>>>((trx) =>
      listLiveOperations(trx, uuid),
    )
    return live.map(({ saga }) => saga)
  }
  const tell = async (tag: string) => {
    const events = [{ name: 'power-update', server_uuid: uuid, tag }]
    const answer = await api.send('POST /os-server-external-events', {
      as: 'admin',
      at: '2.76',
      body: { events },
    })
    assert.equal(answer.status, 200, answer.text)
  }
  await tell('POWER_ON')
  await tell('NONSENSE')
  assert.deepEqual(await sagas(), ['build-server'])
  await tell('POWER_OFF')
  await tell('POWER_OFF')
  assert.deepEqual(await sagas(), ['build-server', 'stop-server'])
  const changes = { vm_state: 'stopped', task_state: null }
  await nova.updateTable('instances').set(changes).where('uuid', '=', uuid).execute()
  await tell('POWER_ON')
  assert.deepEqual(await sagas(), ['build-server', 'stop-server', 'start-server'])
})
