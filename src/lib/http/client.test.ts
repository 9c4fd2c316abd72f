/** The HTTP client: what is lost on the way is one error class, however far the answer had come. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createHttpClient, HttpFailure } from './index.ts'

test('a server that goes away in the middle of its answer did not answer', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/before') return request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
    response.write('{"half":', () => request.socket.destroy())
    return undefined
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = createHttpClient()
  t.after(async () => {
    await http.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  for (const path of ['before', 'amid'])
    await assert.rejects(
      http.send({ method: 'GET', url: `http://127.0.0.1:${port}/${path}` }),
      HttpFailure,
      path,
    )
})

test('an answer comes whole, in time, and only while somebody waits', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/never') return undefined
    response.writeHead(200, { 'content-type': 'application/json' })
    const bytes = Buffer.from('{"name":"\u{1f600}"}')
    // In the middle of a character.
    response.write(bytes.subarray(0, 11), () => {
      if (request.url !== '/half') setImmediate(() => response.end(bytes.subarray(11)))
    })
    return undefined
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = createHttpClient({ connections: 1 })
  t.after(async () => {
    server.closeAllConnections()
    await http.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const send = (path: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    http.send({ method: 'GET', url: `http://127.0.0.1:${port}/${path}`, ...options })
  const whole = { name: '\u{1f600}' }
  assert.deepEqual((await send('whole')).json, whole)
  for (const path of ['never', 'half']) {
    await assert.rejects(send(path, { timeoutMs: 50 }), HttpFailure)
    const leaving = new AbortController()
    const left = send(path, { signal: leaving.signal })
    // This one waits for the connection, and gives up before it has it.
    const behind = send('whole', { timeoutMs: 1 })
    await assert.rejects(behind, HttpFailure)
    leaving.abort(new Error('gone'))
    await assert.rejects(left, HttpFailure)
    await assert.rejects(send(path, { signal: AbortSignal.abort() }), HttpFailure)
  }
  assert.deepEqual((await send('whole')).json, whole)
})
