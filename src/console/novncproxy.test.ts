/** The noVNC proxy against a small, real RFB server on a unix socket: tokens, origins, security, closing, pressure. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, request as httpRequest } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createWebSocketStream, WebSocket } from 'ws'
import type { Log } from '#lib/log.ts'
import { randomIds } from '#lib/ids.ts'
import { createNoVncProxy, type NoVncProxyDeps } from './novncproxy.ts'
import { readExactly } from './read-exactly.ts'
import { eventually } from '../../test/eventually.ts'

type Verdict = Awaited<ReturnType<NoVncProxyDeps['conductor']['validateConsoleToken']['call']>>

/** A VNC server that goes through security as told and then does `then`. */
async function vncServer(
  t: TestContext,
  then: (socket: Socket) => void,
  greeting: { version?: string; security?: Buffer } = {},
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-vnc-'))
  const sockets = new Set<Socket>()
  const server = createNetServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    void greet(socket).then(
      () => then(socket),
      () => socket.destroy(),
    )
  })
  const greet = async (socket: Socket) => {
    const signal = AbortSignal.timeout(5_000)
    socket.write(greeting.version ?? 'RFB 003.008\n')
    assert.equal(String(await readExactly(socket, 12, signal)), 'RFB 003.008\n')
    socket.write(greeting.security ?? Buffer.from([2, 1, 19]))
    assert.equal((await readExactly(socket, 1, signal))[0], 1)
    socket.write(Buffer.alloc(4))
  }
  const path = join(dir, 'vnc')
  server.listen(path)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(dir, { recursive: true })
  })
  return path
}

const valid = (unixPath: string): Verdict => ({
  verdict: 'valid',
  instanceUuid: 'a7b1',
  consoleType: 'novnc',
  accessUrlBase: 'http://127.0.0.1/novnc/vnc_auto.html',
  unixPath,
})

/** A proxy on a free port; `verdicts` by token, each consumed by its first use. */
async function proxy(
  t: TestContext,
  verdicts: Record<string, Verdict>,
  more: { allowedOrigins?: string[] } = {},
) {
  const lines: string[] = []
  const note = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }))
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log }
  const uses: { token: string; consume: boolean }[] = []
  const conductor: NoVncProxyDeps['conductor'] = {
    validateConsoleToken: {
      cast: async () => undefined,
      call: (use) => {
        uses.push(use)
        const verdict = verdicts[use.token] ?? { verdict: 'unknown' as const }
        if (verdict.verdict === 'valid') verdicts[use.token] = { verdict: 'used' }
        return Promise.resolve(verdict)
      },
    },
  }
  const novnc = createNoVncProxy({
    conductor,
    log,
    ids: randomIds,
    allowedOrigins: more.allowedOrigins ?? [],
  })
  await novnc.app.ready()
  const server = createHttpServer((request, response) => novnc.app.routing(request, response))
  server.on('upgrade', (request, socket, head) => novnc.handleUpgrade(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.after(async () => {
    await novnc.close()
    server.closeAllConnections()
    server.close()
  })
  return { novnc, port, lines, uses }
}

/** As our page opens it. */
const PROTOCOLS = ['binary', 'verdict']
const open = (
  port: number,
  token: string,
  origin = `http://127.0.0.1:${port}`,
  protocols: readonly string[] = PROTOCOLS,
) => new WebSocket(`ws://127.0.0.1:${port}/?token=${token}`, [...protocols], { origin })

async function closing(ws: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer]
  return { code, reason: String(reason) }
}

/** Goes through security as noVNC does; yields the stream that follows. */
async function greetAsBrowser(ws: WebSocket) {
  const stream = createWebSocketStream(ws)
  const signal = AbortSignal.timeout(5_000)
  assert.equal(String(await readExactly(stream, 12, signal)), 'RFB 003.008\n')
  stream.write('RFB 003.008\n')
  assert.deepEqual([...(await readExactly(stream, 2, signal))], [1, 1])
  stream.write(Buffer.from([1]))
  assert.equal((await readExactly(stream, 4, signal)).readUInt32BE(), 0)
  return { stream, read: (count: number) => readExactly(stream, count, signal) }
}

test('joins browser and guest, byte for byte, and closes cleanly when the guest ends', async (t) => {
  const path = await vncServer(t, (socket) =>
    socket.on('data', (data) => socket.end(Buffer.concat([Buffer.from('echo '), data]))),
  )
  const { port, uses } = await proxy(t, { good: valid(path) })
  const ws = open(port, 'good')
  const closed = closing(ws)
  const { stream, read } = await greetAsBrowser(ws)
  assert.equal(ws.protocol, 'binary')
  stream.write('hello')
  assert.equal(String(await read(10)), 'echo hello')
  assert.deepEqual(await closed, { code: 1000, reason: 'the guest ended the session' })
  assert.deepEqual(uses, [{ token: 'good', consume: true }])
})

test('a token that leads nowhere gets a close code the page has a sentence for', async (t) => {
  const path = await vncServer(t, () => undefined)
  const { port } = await proxy(t, {
    once: valid(path),
    old: { verdict: 'expired' },
    off: { verdict: 'not-running' },
  })
  const first = open(port, 'once')
  await greetAsBrowser(first)
  assert.deepEqual(await closing(open(port, 'once')), { code: 4409, reason: 'used' })
  assert.deepEqual(await closing(open(port, 'old')), { code: 4410, reason: 'expired' })
  assert.deepEqual(await closing(open(port, 'off')), { code: 4423, reason: 'not-running' })
  assert.deepEqual(await closing(open(port, 'invented')), { code: 4404, reason: 'unknown' })
  assert.deepEqual(await closing(open(port, '')), { code: 4404, reason: 'unknown' })
  const other = open(port, 'invented', undefined, ['binary'])
  assert.deepEqual(await closing(other), { code: 1006, reason: '' }, 'others are sent no frame at all')
})

test('CVE-2015-0259: a page of another origin is refused before its token is looked at', async (t) => {
  const path = await vncServer(t, () => undefined)
  const tokens = { good: valid(path), allowed: valid(path), scheme: valid(path) }
  const { port, uses } = await proxy(t, tokens, { allowedOrigins: ['dashboard.example'] })
  for (const origin of [
    'http://evil.example',
    `http://127.0.0.1:${port + 1}`,
    'null',
    'file:///x',
    'http://dashboard.example.evil',
  ]) {
    const [error] = (await once(open(port, 'good', origin), 'error')) as [Error]
    assert.match(error.message, /403/, origin)
  }
  assert.deepEqual(uses, [])
  await greetAsBrowser(open(port, 'allowed', 'http://dashboard.example'))
  const otherScheme = await closing(open(port, 'scheme', `https://127.0.0.1:${port}`))
  assert.equal(otherScheme.code, 1008)
})

test('a guest that wants other security, speaks an old version or is not there ends in 1011, and the log says why', async (t) => {
  const vncAuth = await vncServer(t, () => undefined, { security: Buffer.from([1, 2]) })
  const refusing = await vncServer(t, () => undefined, {
    security: Buffer.from([0, 0, 0, 0, 4, ...Buffer.from('full')]),
  })
  const ancient = await vncServer(t, () => undefined, { version: 'RFB 003.003\n' })
  const { port, lines } = await proxy(t, {
    auth: valid(vncAuth),
    refusing: valid(refusing),
    ancient: valid(ancient),
    gone: valid('/nowhere/vnc'),
  })
  for (const token of ['auth', 'refusing', 'ancient', 'gone'])
    assert.deepEqual(await closing(open(port, token)), {
      code: 1011,
      reason: 'the console cannot be reached',
    })
  await eventually(() => lines.filter((line) => line.includes('console failed')).length === 4)
})

test('CVE-2015-9543: tokens reach no log line', async (t) => {
  const path = await vncServer(t, (socket) => socket.end())
  const { port, lines } = await proxy(t, { 'secret-token-1': valid(path) })
  await fetch(`http://127.0.0.1:${port}/vnc_auto.html?path=%3Ftoken%3Dsecret-token-1`)
  const ws = open(port, 'secret-token-1')
  await Promise.all([greetAsBrowser(ws), closing(ws)])
  await closing(open(port, 'secret-token-1'))
  assert.ok(lines.length >= 3)
  assert.ok(!lines.join('\n').includes('secret-token'))
})

test('a browser that does not read holds the guest back: what it has not taken stays with the guest', async (t) => {
  const CHUNK = Buffer.alloc(1 << 20, 7)
  const CHUNKS = 64
  let taken = 0
  const path = await vncServer(t, (socket) => {
    const send = (): void => {
      if (taken === CHUNKS) return void socket.end()
      socket.write(CHUNK, () => {
        taken += 1
        send()
      })
    }
    send()
  })
  const { port } = await proxy(t, { good: valid(path) })
  const ws = open(port, 'good')
  const { stream } = await greetAsBrowser(ws)
  // Nobody reads: the flow must come to rest while most of it is still with the guest.
  let before = -1
  for (let still = 0; still < 10; still = taken === before ? still + 1 : 0) {
    before = taken
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 10)))
  }
  assert.ok(taken < CHUNKS / 2, `${taken} MiB left the guest though nobody reads`)
  let received = 0
  for await (const chunk of stream) received += (chunk as Buffer).length
  assert.equal(received, CHUNKS * CHUNK.length)
})

test('closing the proxy ends its sessions on both sides', async (t) => {
  let guestClosed: Promise<unknown> = Promise.reject(new Error('no connection'))
  guestClosed.catch(() => undefined)
  const path = await vncServer(t, (socket) => {
    guestClosed = once(socket.resume(), 'close')
    socket.write('x')
  })
  const { port, novnc } = await proxy(t, { good: valid(path) })
  const ws = open(port, 'good')
  const closed = closing(ws)
  const { stream, read } = await greetAsBrowser(ws)
  await read(1)
  stream.resume()
  await novnc.close()
  assert.equal((await closed).code, 1001)
  await guestClosed
})

async function get(port: number, path: string) {
  const call = httpRequest({ host: '127.0.0.1', port, path, method: 'GET' }).end()
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return { status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() }
}

test('the page and every module it imports are served by the proxy itself, under a strict policy', async (t) => {
  const { port } = await proxy(t, {})
  const page = await get(port, '/vnc_auto.html?path=%3Ftoken%3Dx')
  assert.equal(page.status, 200)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /default-src 'none'; script-src 'self';/)
  assert.doesNotMatch(policy, /unsafe|\*/)
  assert.doesNotMatch(policy, /frame-ancestors/, 'dashboards of any origin show it in a frame')
  assert.equal(page.headers['x-frame-options'], undefined)
  assert.doesNotMatch(page.text, /<script>|\son\w+=|https?:\/\//)
  const seen = new Set<string>()
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return
    seen.add(path)
    const { status, headers, text } = await get(port, path)
    assert.equal(status, 200, path)
    assert.match(String(headers['content-type']), /javascript/)
    for (const [, imported = ''] of text.matchAll(/^(?:import|export) [^'"]*?["'](\.[^"']+)["'];?$/gm))
      await visit(new URL(imported, `http://p${path}`).pathname)
  }
  await visit('/page/console.js')
  assert.ok(seen.size > 20, `${seen.size} modules`)
})

test('CVE-2021-3654 and its like: no path leads elsewhere or out of the list', async (t) => {
  const { port } = await proxy(t, {})
  for (const path of [
    '//evil.example/%2e%2e',
    '//evil.example',
    '/../package.json',
    '/core/%2e%2e/package.json',
    '/page/../../novncproxy.ts',
    '/core',
    '/',
    '/%00',
  ]) {
    const { status, headers } = await get(port, path)
    assert.ok(status === 404 || status === 400, `${path}: ${status}`)
    assert.equal(headers['location'], undefined)
  }
})
