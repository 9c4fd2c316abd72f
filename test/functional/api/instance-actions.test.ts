/** Instance actions through HTTP: pages, changes by time, and what is told of events to whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finishActionEvent, startActionEvent } from '#db/instance-actions.ts'
import type { NovaDb } from '#db/schema.ts'
import { message, startCloud } from './servers-there.ts'

test('actions are listed by time and page, each filter from its version on', async (t) => {
  const api = await startCloud(t)
  const path = `/servers/${await api.make()}/os-instance-actions`
  const ask = (query: string, at: string) => api.send(`GET ${path}${query}`, { at })
  const count = async (query: string, at: string) =>
    ((await ask(query, at)).body.instanceActions as object[]).length
  const [past, before] = ['2019-01-01T00:00:00', '2020-01-01T00:00:00']
  assert.equal(await count(`?changes-since=${past}`, '2.58'), 1)
  assert.equal(await count('?changes-since=2100-01-01T00:00:00', '2.58'), 0)
  assert.equal(await count('?changes-since=2100-01-01T00:00:00', '2.57'), 1)
  assert.equal(await count(`?changes-before=${before}`, '2.66'), 0)
  assert.equal(await count(`?changes-before=${before}`, '2.57'), 1)
  assert.equal((await ask(`?changes-before=${before}`, '2.65')).status, 400)
  const crossed = await ask(`?changes-since=${before}&changes-before=${past}`, '2.66')
  assert.equal(
    message(crossed.body),
    'The value of changes-since must be less than or equal to changes-before.',
  )
  const page = await ask('?limit=1', '2.58')
  assert.equal((page.body.links as object[]).length, 1)
  assert.equal((await ask('?limit=1', '2.57')).body.links, undefined)
  assert.equal((await ask('?marker=x', '2.58')).status, 400)
})

test("an action's events are told as the version and the caller's rights have it", async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  const path = `/servers/${uuid}/os-instance-actions`
  const [made] = (await api.send(`GET ${path}`)).body.instanceActions as { request_id: string }[]
  const requestId = made?.request_id ?? ''
  const db = api.db.typed<NovaDb>()
  const key = { instanceUuid: uuid, requestId }
  await startActionEvent(db, key, { event: 'compute__do_build_and_run_instance', host: 'h1' }, { now: 1 })
  const failed = { event: 'compute__do_build_and_run_instance', details: 'why', traceback: 'where' } as const
  await finishActionEvent(db, key, { ...failed, result: 'Error' }, { now: 2 })
  const events = async (at: string, as: 'admin' | 'demo') => {
    const { body } = await api.send(`GET ${path}/${requestId}`, { at, as })
    return (body.instanceAction as { events?: Record<string, unknown>[] }).events
  }
  assert.equal(await events('2.50', 'demo'), undefined)
  const keys = async (at: string, as: 'admin' | 'demo') =>
    Object.keys((await events(at, as))?.[0] ?? {}).sort()
  const plain = ['event', 'finish_time', 'result', 'start_time']
  assert.deepEqual(await keys('2.50', 'admin'), [...plain, 'traceback'])
  assert.deepEqual(await keys('2.51', 'demo'), plain)
  assert.deepEqual(await keys('2.62', 'demo'), [...plain, 'hostId'].sort())
  assert.deepEqual(await keys('2.62', 'admin'), [...plain, 'host', 'hostId', 'traceback'].sort())
  assert.deepEqual(await keys('2.84', 'demo'), [...plain, 'hostId'].sort())
  assert.equal((await events('2.84', 'admin'))?.[0]?.details, 'why')
})
