/** One console session: a browser's WebSocket and a guest's VNC server, joined until either ends. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createWebSocketStream, type WebSocket } from 'ws'
import { greetBrowser, greetServer } from './rfb-handshake.ts'

const CONNECT_MS = 10_000
const GREETING_MS = 15_000
/** How long a browser may take to answer a close before its connection is cut. */
const FAREWELL_MS = 2_000

/** Where a guest's console listens. */
export type Address = { readonly unixPath: string } | { readonly host: string; readonly port: number }

/** Close codes: 4xxx are ours, and the page has a sentence for each. */
export const CLOSE = {
  ended: { code: 1000, reason: 'the guest ended the session' },
  stopping: { code: 1001, reason: 'the console proxy is stopping' },
  refused: { code: 1008, reason: 'refused' },
  failed: { code: 1011, reason: 'the console cannot be reached' },
  unknown: { code: 4404, reason: 'unknown' },
  used: { code: 4409, reason: 'used' },
  expired: { code: 4410, reason: 'expired' },
  'not-running': { code: 4423, reason: 'not-running' },
} as const

export type Farewell = (typeof CLOSE)[keyof typeof CLOSE]

/** Closes politely; cuts the connection when the browser does not answer. */
export async function closeSocket(ws: WebSocket, { code, reason }: Farewell): Promise<void> {
  if (ws.readyState === ws.CLOSED) return
  const closed = once(ws, 'close')
  ws.close(code, reason)
  const timer = setTimeout(() => ws.terminate(), FAREWELL_MS)
  await closed
  clearTimeout(timer)
}

/**
 * Joins `ws` with the console at `address` until either side ends, then closes both. Never throws: what went wrong
 * is yielded beside the farewell the browser got.
 */
export async function runSession(
  ws: WebSocket,
  address: Address,
): Promise<{ farewell: Farewell; error?: unknown }> {
  // The stream stops reading from one side while the other has not taken what was read.
  const browser = createWebSocketStream(ws)
  // Errors of either side show as its closing; without listeners they would end the process.
  browser.on('error', () => undefined)
  let guest: Socket | undefined
  try {
    guest = await reach(address)
    await greetBoth(browser, guest)
  } catch (error) {
    guest?.destroy()
    await closeSocket(ws, CLOSE.failed)
    return { farewell: CLOSE.failed, error }
  }
  const over = ended(ws, guest)
  browser.pipe(guest, { end: false })
  guest.pipe(browser, { end: false })
  await over
  guest.destroy()
  await closeSocket(ws, CLOSE.ended)
  return { farewell: CLOSE.ended }
}

/** Resolves when either side is gone. */
function ended(ws: WebSocket, guest: Socket): Promise<void> {
  return new Promise((resolve) => {
    ws.once('close', () => resolve())
    guest.once('end', resolve).once('close', () => resolve())
    if (ws.readyState === ws.CLOSED || guest.destroyed) resolve()
  })
}

async function reach(address: Address): Promise<Socket> {
  const socket = 'unixPath' in address ? connect(address.unixPath) : connect(address.port, address.host)
  socket.setNoDelay(true)
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) })
  } catch (error) {
    socket.destroy()
    throw error
  }
  socket.on('error', () => undefined)
  return socket
}

async function greetBoth(browser: ReturnType<typeof createWebSocketStream>, guest: Socket): Promise<void> {
  const signal = AbortSignal.timeout(GREETING_MS)
  await greetServer(guest, signal)
  await greetBrowser(browser, signal)
}
