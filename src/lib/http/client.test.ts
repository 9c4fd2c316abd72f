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
