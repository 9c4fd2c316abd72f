/** The front door: prefixes, early requests, upgrades, draining. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { listen, type Mount } from './front-door.ts'

async function mount(t: TestContext, prefix: string, name: string): Promise<Mount> {
  const app = Fastify()
  app.get('/*', (request) => `${name} ${request.url}`)
  await app.ready()
  t.after(() => app.close())
  return { prefix, app }
}

test('each path reaches its service without its prefix; a prefix is whole segments', async (t) => {
  const door = await listen('127.0.0.1', 0)
  t.after(() => door.drain())
  door.open([
    await mount(t, '/identity', 'keystone'),
    await mount(t, '/image', 'glance'),
    await mount(t, '', 'nova'),
  ])
  const table = [
    ['/identity/v3/auth', 'keystone /v3/auth'],
    ['/identity', 'keystone /'],
    ['/identity?a=b', 'keystone /?a=b'],
    ['/image/v2/images?limit=1', 'glance /v2/images?limit=1'],
    ['/images', 'nova /images'],
    ['/v2.1/servers', 'nova /v2.1/servers'],
    ['/', 'nova /'],
  ] as const
  for (const [path, expected] of table) assert.equal(await (await fetch(door.url + path)).text(), expected)
})

test('what comes before the services stand is answered when they do', async (t) => {
  const door = await listen('127.0.0.1', 0)
  t.after(() => door.drain())
  const early = fetch(`${door.url}/early`)
  let answered = false
  void early.then(() => {
    answered = true
  })
  await fetch(`http://127.0.0.1:${door.port}/`, { signal: AbortSignal.timeout(50) }).catch(() => undefined)
  assert.equal(answered, false)
  door.open([await mount(t, '', 'nova')])
  assert.equal(await (await early).text(), 'nova /early')
})

test('an upgrade goes to the mount that takes upgrades, others are refused', async (t) => {
  const door = await listen('127.0.0.1', 0)
  t.after(() => door.drain())
  const seen: string[] = []
  const console = {
    ...(await mount(t, '/novnc', 'console')),
    handleUpgrade: (request: IncomingMessage, socket: Duplex) => {
      seen.push(request.url ?? '')
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
    },
  }
  door.open([console, await mount(t, '', 'nova')])
  const status = async (path: string) => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' }
    const call = httpRequest({ port: door.port, host: '127.0.0.1', path, headers }).end()
    const [answer] = (await once(call, 'response')) as [IncomingMessage]
    return answer.statusCode
  }
  assert.equal(await status('/novnc/?token=x'), 403)
  assert.equal(await status('/v2.1'), 404)
  assert.deepEqual(seen, ['/?token=x'])
})

test('a taken port is refused', async (t) => {
  const door = await listen('127.0.0.1', 0)
  t.after(() => door.drain())
  door.open([])
  await assert.rejects(listen('127.0.0.1', door.port), /port \d+ is in use/)
})
