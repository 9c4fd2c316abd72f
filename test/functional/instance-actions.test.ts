/** Instance actions over HTTP: what was done to a server, by whom, how each step went, and after it is gone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { activeServer, ask, askOk, assertFault, createServer, untilStatus, usersOfOneCloud } from './ask.ts'

interface Action {
  readonly action: string
  readonly request_id: string
  readonly user_id: string
  readonly project_id: string
  readonly message: string | null
  readonly start_time: string
  readonly updated_at: string
  readonly events?: readonly Readonly<Record<string, unknown>>[]
}

const actionsOf = async (who: CloudClient, id: string, query = '', at = '2.104'): Promise<Action[]> =>
  (await askOk(who, `GET /servers/${id}/os-instance-actions${query}`, { at })).instanceActions
const verbsOf = async (who: CloudClient, id: string, query = ''): Promise<string[]> =>
  (await actionsOf(who, id, query)).map(({ action }) => action)

/** A flavor of guests with which the verb fails. */
async function makeFailing(admin: CloudClient, verb: string): Promise<string> {
  const id = `fails-${verb}`
  await askOk(admin, 'POST /flavors', { body: { flavor: { id, name: id, ram: 64, vcpus: 1, disk: 1 } } })
  await askOk(admin, `POST /flavors/${id}/os-extra_specs`, {
    at: '2.85',
    body: { extra_specs: { 'kilonova:sim_fail': verb } },
  })
  return id
}

describe('instance actions', () => {
  const users = usersOfOneCloud()

  test('each request is an action with its steps, the newest first', async () => {
    const { demo, reader, admin } = users
    const id = await activeServer(demo)
    const stopped = await ask(demo, `POST /servers/${id}/action`, { body: { 'os-stop': null } })
    assert.equal(stopped.status, 202)
    await untilStatus(demo, id, 'SHUTOFF')
    const [stop, create] = await actionsOf(demo, id)
    assert.ok(stop && create)
    assert.deepEqual([stop.action, create.action], ['stop', 'create'])
    assert.equal(stop.request_id, stopped.headers.get('x-openstack-request-id'))
    assert.equal(stop.project_id, demo.projectId)
    assert.equal(stop.message, null)
    assert.deepEqual(await actionsOf(reader, id), [stop, create])

    const show = async (who: CloudClient, at = '2.104'): Promise<Action> =>
      (await askOk(who, `GET /servers/${id}/os-instance-actions/${create.request_id}`, { at })).instanceAction
    const events = (await show(admin)).events ?? []
    assert.ok(events.length > 0)
    for (const event of events) {
      assert.equal(event['result'], 'Success', JSON.stringify(event))
      assert.ok(String(event['start_time']) <= String(event['finish_time']))
      assert.equal('host' in event, event['hostId'] !== '')
    }
    assert.ok(events.some(({ host }) => host === 'fake-1'))
    const shownToOwner = (await show(demo)).events ?? []
    assert.deepEqual(
      shownToOwner.map(({ event }) => event),
      events.map(({ event }) => event),
    )
    for (const event of shownToOwner)
      assert.deepEqual(
        ['traceback', 'host', 'details'].filter((name) => name in event),
        [],
      )
    assert.equal((await show(demo, '2.50')).events, undefined, 'events are an admin’s until 2.50')
    assert.ok((await show(admin, '2.1')).events)
    assert.equal((await show(demo, '2.57')).updated_at, undefined)
  })

  test('a failure is told as an action with an error', async () => {
    const { demo, admin } = users
    const id = await createServer(demo, { flavorRef: await makeFailing(admin, 'spawn') })
    await untilStatus(demo, id, 'ERROR')
    const [create] = await actionsOf(demo, id)
    assert.deepEqual([create?.action, create?.message], ['create', 'Error'])
    const path = `GET /servers/${id}/os-instance-actions/${create?.request_id}`
    const { events } = (await askOk(admin, path)).instanceAction as Action
    const failed = events?.filter(({ result }) => result === 'Error') ?? []
    assert.ok(failed.length > 0)
    assert.ok(failed.some(({ details, traceback }) => details !== null || traceback !== null))
  })

  test('a password that the guest does not take is refused, and the server stays as it is', async () => {
    const { admin, demo } = users
    const id = await activeServer(demo, { flavorRef: await makeFailing(admin, 'password') })
    const body = { changePassword: { adminPass: 'xyzzy' } }
    const answer = await ask(demo, `POST /servers/${id}/action`, { body })
    assertFault(answer, 409, `Failed to set admin password on ${id} because error setting admin password`)
    const { server } = await askOk(demo, `GET /servers/${id}`)
    assert.deepEqual([server.status, server['OS-EXT-STS:task_state']], ['ACTIVE', null])
    const [change] = await actionsOf(demo, id)
    assert.deepEqual([change?.action, change?.message], ['changePassword', 'Error'])
  })

  test('actions are paged and narrowed by time', async () => {
    const { demo } = users
    const id = await activeServer(demo)
    for (const [verb, status] of [
      ['os-stop', 'SHUTOFF'],
      ['os-start', 'ACTIVE'],
    ] as const) {
      await askOk(demo, `POST /servers/${id}/action`, { body: { [verb]: null } })
      await untilStatus(demo, id, status)
    }
    assert.deepEqual(await verbsOf(demo, id), ['start', 'stop', 'create'])
    const all = await actionsOf(demo, id)
    const first = await askOk(demo, `GET /servers/${id}/os-instance-actions?limit=2`)
    const [link] = first.links as { rel: string; href: string }[]
    assert.equal(link?.rel, 'next')
    assert.ok(link?.href.endsWith(`/servers/${id}/os-instance-actions?limit=2&marker=${all[1]?.request_id}`))
    assert.deepEqual(await verbsOf(demo, id, `?limit=2&marker=${all[1]?.request_id}`), ['create'])
    const time = encodeURIComponent(`${all[0]?.updated_at}Z`)
    assert.deepEqual(await verbsOf(demo, id, `?changes-since=${time}`), ['start'])
    assert.deepEqual(await verbsOf(demo, id, '?changes-before=2012-08-20T21:11:09Z'), [])
    const refused: [string, string, string | RegExp][] = [
      ['?marker=nope', '2.58', 'Marker nope could not be found.'],
      ['?limit=x', '2.58', /'x' does not match/],
      ['?changes-since=yesterday', '2.58', /'yesterday' is not a 'date-time'$/],
      ['?changes-before=2012-08-20T21:11:09Z', '2.65', /'changes-before' was unexpected/],
      ['?nope=1', '2.58', /'nope' was unexpected/],
    ]
    for (const [query, at, message] of refused)
      assertFault(await ask(demo, `GET /servers/${id}/os-instance-actions${query}`, { at }), 400, message)
    assert.equal((await actionsOf(demo, id, '?limit=1', '2.57')).length, 3)
  })

  test('strangers find nothing; of a deleted server its actions are left, from 2.21 on', async () => {
    const { demo, alt } = users
    const id = await activeServer(demo)
    const [create] = await actionsOf(demo, id)
    const gone = `Instance ${id} could not be found.`
    for (const path of ['', `/${create?.request_id}`])
      assertFault(await ask(alt, `GET /servers/${id}/os-instance-actions${path}`), 404, gone)
    assertFault(
      await ask(demo, `GET /servers/${id}/os-instance-actions/req-nope`),
      404,
      'Action req-nope not found',
    )
    await askOk(demo, `DELETE /servers/${id}`)
    await eventually(async () => (await ask(demo, `GET /servers/${id}`)).status === 404)
    assertFault(await ask(demo, `GET /servers/${id}/os-instance-actions`, { at: '2.20' }), 404, gone)
    assert.deepEqual(await verbsOf(demo, id), ['delete', 'create'])
    const shown = await askOk(demo, `GET /servers/${id}/os-instance-actions/${create?.request_id}`, {
      at: '2.21',
    })
    assert.equal(shown.instanceAction.action, 'create')
    assertFault(await ask(alt, `GET /servers/${id}/os-instance-actions`), 404, gone)
  })
})
