/**
 * The noVNC proxy: serves the page, takes a browser's WebSocket, has the conductor check and use up its token, and
 * joins it with the guest's VNC server. Tokens reach no log.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientOf } from '#contracts/contract.ts'
import type { conductorContract } from '#contracts/conductor.ts'
import { createHttpApp, type HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import { mayConnect, schemeFits } from './origin.ts'
import { addPage } from './page.ts'
import { type Address, CLOSE, closeSocket, type Farewell, runSession } from './session.ts'

/** The largest message a browser may send: a paste. */
const MAX_MESSAGE_BYTES = 4 * 2 ** 20
const MAX_BODY_BYTES = 1_024

export interface NoVncProxyDeps {
  readonly conductor: Pick<ClientOf<typeof conductorContract>, 'validateConsoleToken'>
  readonly log: Log
  readonly ids: Ids
  /** `[console] allowed_origins`: hosts whose pages may connect beside the proxy's own. */
  readonly allowedOrigins: readonly string[]
}

export interface NoVncProxy {
  readonly app: HttpApp
  /** Takes over an upgrade request whose path is the proxy's. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): Promise<void>
}

type Checked = { readonly address: Address; readonly instanceUuid: string } | { readonly farewell: Farewell }

export function createNoVncProxy(deps: NoVncProxyDeps): NoVncProxy {
  const { log, ids } = deps
  const app = createHttpApp({
    log,
    ids,
    maxBodyBytes: MAX_BODY_BYTES,
    renderFault: (fault) => ({
      body: fault.message,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    }),
  })
  addPage(app)
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  })
  const sessions = new Set<Promise<void>>()

  const serve = async (ws: WebSocket, request: IncomingMessage): Promise<void> => {
    const bound = log.child({ request_id: ids.requestId(), console_session: randomUUID() })
    ws.on('error', (err) => bound.debug({ err }, 'browser connection failed'))
    const checked = await check(deps, request).catch((err: unknown): Checked => {
      bound.error({ err }, 'console token could not be checked')
      return { farewell: CLOSE.failed }
    })
    if ('farewell' in checked) {
      bound.info({ verdict: checked.farewell.reason }, 'console refused')
      return asksForVerdict(request) ? closeSocket(ws, checked.farewell) : ws.terminate()
    }
    bound.info({ instance: checked.instanceUuid }, 'console opened')
    const { farewell, error } = await runSession(ws, checked.address)
    if (error === undefined)
      bound.info({ instance: checked.instanceUuid, code: farewell.code }, 'console closed')
    else bound.warn({ instance: checked.instanceUuid, err: error }, 'console failed')
  }

  return {
    app,
    handleUpgrade(request, socket, head) {
      if (!mayConnect(request.headers.origin, request.headers.host, deps.allowedOrigins)) {
        log.warn(
          { origin: request.headers.origin },
          'console refused: Origin header does not match this host',
        )
        socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
        return
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        const session = serve(ws, request).finally(() => sessions.delete(session))
        sessions.add(session)
      })
    },
    async close() {
      await Promise.all([...server.clients].map((ws) => closeSocket(ws, CLOSE.stopping)))
      await Promise.allSettled(sessions)
      await app.close()
    },
  }
}

/** Our page does, by naming it among the protocols. Clients of Nova's proxy take any frame for the guest's. */
const asksForVerdict = ({ headers }: IncomingMessage): boolean =>
  (headers['sec-websocket-protocol'] ?? '').split(',').some((name) => name.trim() === 'verdict')

/** Asks the conductor where the request's token leads, and uses the token up. */
async function check(deps: NoVncProxyDeps, request: IncomingMessage): Promise<Checked> {
  const token = new URL(request.url ?? '', 'http://proxy').searchParams.get('token') ?? ''
  if (token === '') return { farewell: CLOSE.unknown }
  const answer = await deps.conductor.validateConsoleToken.call(
    { token, consume: true },
    deps.ids.requestId(),
  )
  if (answer.verdict !== 'valid') return { farewell: CLOSE[answer.verdict] }
  if (!schemeFits(request.headers.origin, answer.accessUrlBase)) return { farewell: CLOSE.refused }
  const { unixPath, host, port, instanceUuid } = answer
  if (unixPath !== undefined) return { address: { unixPath }, instanceUuid }
  if (host !== undefined && port !== undefined) return { address: { host, port }, instanceUuid }
  return { farewell: CLOSE['not-running'] }
}
