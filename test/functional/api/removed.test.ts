/** Routes that are no more, and the list of extensions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removedRoutes } from '#api/removed/index.ts'
import { includes, versionOf } from '#lib/versioned/index.ts'
import { startApi } from './compute-api.ts'

test('what was removed says so at every version, to all who may ask, whatever they send', async (t) => {
  const { send } = await startApi(t)
  for (const { operation } of removedRoutes) {
    const { method, path, action } = operation
    const url = `${method} ${path.replaceAll(/\{[^}]*\}/g, 'some-id')}`
    const expected = operation.statusAt(versionOf('2.1'))
    for (const at of ['2.1', '2.5', '2.104']) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : { [action ?? 'x']: null }
      const answer = await send(url, { at, body })
      const isThere = includes(operation.range, versionOf(at))
      assert.equal(answer.status, isThere ? expected : 404, `${url} ${action ?? ''} at ${at}`)
      if (expected === 410) assert.equal((answer.body.computeFault as { code: number }).code, 410)
    }
    assert.equal((await send(url, { as: null })).status, 401)
  }
  assert.equal((await send('PATCH /os-agents', { body: {} })).status, 404)
  assert.equal((await send('POST /os-agents', { body: '{' })).status, 400)
})

test('extensions are listed, and shown by their alias', async (t) => {
  const { send } = await startApi(t)
  const { extensions } = (await send('GET /extensions')).body as { extensions: { alias: string }[] }
  assert.equal(extensions.length, 99)
  const shown = await send(`GET /extensions/${extensions[0]?.alias}`)
  assert.deepEqual(shown.body, { extension: extensions[0] })
  assert.equal((await send('GET /extensions/nope')).status, 404)
  assert.equal((await send('GET /extensions?x=1', { at: '2.101' })).status, 200)
  assert.equal((await send('GET /extensions?x=1', { at: '2.102' })).status, 400)
})
