/**
 * The one port of the cloud: hands each request to the service its path begins with. It listens before the services
 * stand; what comes too early waits for them.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HttpApp } from '#lib/http/index.ts'
import { messageOf } from '#lib/undo.ts'

export interface Mount {
  /** `/identity`; the empty one takes what no other does. */
  readonly prefix: string
  readonly app: Pick<HttpApp, 'routing'>
  readonly handleUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

export interface FrontDoor {
  /** `http://127.0.0.1:8774`. */
  readonly url: string
  readonly port: number
  /** Lets requests in, those that waited first. Every app must be ready. */
  open(mounts: readonly Mount[]): void
  /** Takes no new connections and closes idle ones; what is being answered is. */
  drain(): Promise<void>
}

/** Longer than any keep-alive of the services' own clients, so that it is the client that closes. */
const KEEP_ALIVE_MS = 65_000
const DRAIN_MS = 5_000
/** Beyond what apps take of a URL, so that they refuse it in their own words. */
const MAX_HEADER_BYTES = 131_072

/** Why a port cannot be had, in words. */
const REFUSALS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (_host, port) => `port ${port} is in use: name another with --port, or 0 for a free one`,
  EACCES: (_host, port) => `port ${port} is not for this user to listen on: name one above 1023 with --port`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine`,
}

/** Listens on `host` and `port` (0: a free one). Rejects when the port is taken, unless all who listen there share it. */
export async function listen(
  host: string,
  port: number,
  { reusePort = false }: { reusePort?: boolean } = {},
): Promise<FrontDoor> {
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  let mounts: readonly Mount[] | undefined
  let opened = (_mounts: readonly Mount[]): void => undefined
  const ready = new Promise<readonly Mount[]>((resolve) => {
    opened = resolve
  })
  server.on('request', (request, response) => {
    const serve = (all: readonly Mount[]) => {
      const mount = enter(all, request)
      if (mount) mount.app.routing(request, response)
      else response.writeHead(404).end()
    }
    if (mounts) serve(mounts)
    else void ready.then(serve)
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined)
    void ready.then((all) => {
      const mount = enter(all, request)
      if (mount?.handleUpgrade) mount.handleUpgrade(request, socket, head)
      else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    })
  })
  server.listen({ port, host, reusePort })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Error(REFUSALS[(error as NodeJS.ErrnoException).code ?? '']?.(host, port) ?? messageOf(error), {
      cause: error,
    })
  }
  const address = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    open(all) {
      mounts = all
      opened(all)
    },
    drain: () => drain(server),
  }
}

/** The mount a request is for; takes its prefix off the request's URL. */
function enter(mounts: readonly Mount[], request: IncomingMessage): Mount | undefined {
  const url = request.url ?? '/'
  const mount = mounts.find(
    ({ prefix }) => url.startsWith(prefix) && /^($|[/?])/.test(url.slice(prefix.length)),
  )
  if (mount && mount.prefix !== '') {
    const rest = url.slice(mount.prefix.length)
    request.url = rest.startsWith('/') ? rest : `/${rest}`
  }
  return mount
}

async function drain(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(timer)
}
