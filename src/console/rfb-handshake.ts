/**
 * The first words of RFB (RFC 6143, 7.1): the proxy itself speaks them with both sides, so that what secures
 * the way to the guest is the proxy's business, and the browser, whose token was checked, is asked for nothing.
 */
import type { Duplex } from 'node:stream'
import { readExactly } from './read-exactly.ts'

const VERSION = 'RFB 003.008\n'
const SECURITY_NONE = 1
const OK = 0
/** A server's reason for refusing is at most so long. */
const MAX_REASON_BYTES = 4_096

/** The guest's side, or the browser's, does not speak as RFB 3.8 should. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
}

/** Speaks as the client with the guest's VNC server, up to the end of security. */
export async function greetServer(server: Duplex, signal: AbortSignal): Promise<void> {
  const version = (await readExactly(server, VERSION.length, signal)).toString('latin1')
  const [, major = '0', minor = '0'] = /^RFB (\d{3})\.(\d{3})\n$/.exec(version) ?? []
  if (Number(major) !== 3 || Number(minor) < 8)
    throw new HandshakeRefused(`the guest's console speaks ${JSON.stringify(version)}`)
  server.write(VERSION)
  const count = (await readExactly(server, 1, signal)).readUInt8()
  if (count === 0) throw new HandshakeRefused(`the guest's console refuses: ${await reason(server, signal)}`)
  const offered = [...(await readExactly(server, count, signal))]
  if (!offered.includes(SECURITY_NONE))
    throw new HandshakeRefused(`the guest's console wants security ${offered.join(', ')}`)
  server.write(Buffer.from([SECURITY_NONE]))
  const result = (await readExactly(server, 4, signal)).readUInt32BE()
  if (result !== OK)
    throw new HandshakeRefused(`the guest's console refuses: ${await reason(server, signal)}`)
}

async function reason(server: Duplex, signal: AbortSignal): Promise<string> {
  const length = (await readExactly(server, 4, signal)).readUInt32BE()
  return (await readExactly(server, Math.min(length, MAX_REASON_BYTES), signal)).toString('utf8')
}

/** Speaks as the server with the browser: version 3.8, no security. */
export async function greetBrowser(browser: Duplex, signal: AbortSignal): Promise<void> {
  browser.write(VERSION)
  const version = (await readExactly(browser, VERSION.length, signal)).toString('latin1')
  if (version !== VERSION) throw new HandshakeRefused(`the browser speaks ${JSON.stringify(version)}`)
  browser.write(Buffer.from([1, SECURITY_NONE]))
  const chosen = (await readExactly(browser, 1, signal)).readUInt8()
  if (chosen !== SECURITY_NONE) throw new HandshakeRefused(`the browser wants security ${chosen}`)
  browser.write(Buffer.from([0, 0, 0, OK]))
}
