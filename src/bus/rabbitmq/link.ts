/** The way to the brokers: one connection at a time, made again whenever it is lost, to whichever host answers. */
import { readFileSync } from 'node:fs'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { messageOf } from '#lib/undo.ts'
import { openSession, type Session } from './session.ts'
import type { BrokerHost } from './transport-url.ts'

/** Files, read at every connection: certificates are renewed while services run. */
export interface TlsFiles {
  /** Whom to believe; without it, the system's authorities. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

export interface LinkOptions {
  readonly hosts: readonly BrokerHost[]
  readonly vhost: string
  /** Undefined: no TLS. */
  readonly tls: TlsFiles | undefined
  readonly heartbeatSeconds: number
  /** The longest pause between two rounds over the hosts. */
  readonly maxPauseMs: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly log: Log
}

export interface Link {
  /** The open connection, if there is one. */
  current(): Session | undefined
  /** Waits for an open connection; undefined once the signal aborts. */
  open(signal: AbortSignal): Promise<Session | undefined>
  /** Resolves when the first round over the hosts is over, with or without a connection. */
  readonly firstRound: Promise<void>
  close(): Promise<void>
}

const FIRST_PAUSE_MS = 100
/** A connection that held this long was a good one: the next pause is short again. */
const GOOD_MS = 5_000

/** Pauses double up to the longest, each between half and all of itself, so that a fleet does not return as one. */
export const pauseMs = (failures: number, longest: number): number =>
  Math.min(longest, FIRST_PAUSE_MS * 2 ** Math.min(failures, 16)) * (0.5 + Math.random() / 2)

/** Begins to connect at once and never stops trying until it is closed. */
export function createLink(options: LinkOptions): Link {
  const { hosts, clock, log } = options
  const closing = new AbortController()
  const waiting = new Set<(session: Session | undefined) => void>()
  const { promise: firstRound, resolve: endFirstRound } = Promise.withResolvers<void>()
  let session: Session | undefined
  let outageTold = false
  let nextHost = Math.floor(Math.random() * hosts.length)

  /** Tries each host once. */
  async function connect(): Promise<Session | undefined> {
    for (let tried = 0; tried < hosts.length && !closing.signal.aborted; tried++) {
      const host = hosts[nextHost++ % hosts.length]
      if (!host) continue
      const broker = `${host.host}:${host.port}`
      try {
        const made = await openSession(await dial(host, options), clock)
        log.info({ broker }, 'connected to the message broker')
        outageTold = false
        return made
      } catch (error) {
        const line = [{ broker, error: messageOf(error) }, 'no connection to the message broker'] as const
        // Told once for each time that it is lost.
        if (outageTold) log.debug(...line)
        else log.warn(...line)
      }
    }
    outageTold = true
    return undefined
  }

  async function keepConnected(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const since = clock.now()
      session = await connect()
      if (session) {
        if (closing.signal.aborted) return session.close()
        for (const wake of waiting) wake(session)
        waiting.clear()
      }
      endFirstRound()
      await session?.ended
      if (closing.signal.aborted) return undefined
      if (session) log.warn({ reason: session.reason }, 'the connection to the message broker is lost')
      if (session && clock.now() - since > GOOD_MS) failures = 0
      session = undefined
      await clock.sleep(pauseMs(failures, options.maxPauseMs), closing.signal).catch(() => undefined)
    }
    return undefined
  }

  const running = keepConnected()
  const current = () => (session?.isOpen ? session : undefined)
  return {
    current,
    firstRound,
    open(signal) {
      const there = current()
      if (there || signal.aborted || closing.signal.aborted) return Promise.resolve(there)
      return new Promise((resolve) => {
        const stop = () => {
          waiting.delete(got)
          resolve(undefined)
        }
        const got = (made: Session | undefined) => {
          signal.removeEventListener('abort', stop)
          resolve(made)
        }
        waiting.add(got)
        signal.addEventListener('abort', stop, { once: true })
      })
    },
    async close() {
      closing.abort()
      for (const wake of waiting) wake(undefined)
      await session?.close()
      await running
    },
  }
}

/** Loaded only here: a process without a broker does not read it. */
async function dial(host: BrokerHost, options: LinkOptions) {
  // In a bundle only the default is there.
  const { default: amqp } = await import('amqplib')
  const { username, password, port } = host
  const address = { hostname: host.host, port, username, password, vhost: encodeURIComponent(options.vhost) }
  return amqp.connect(
    { ...address, protocol: options.tls ? 'amqps' : 'amqp', heartbeat: options.heartbeatSeconds },
    {
      // Without it every call waits 40 ms for Nagle's algorithm.
      noDelay: true,
      timeout: options.connectTimeoutMs,
      clientProperties: { connection_name: `kilonova ${process.pid}` },
      ...(options.tls && certificates(options.tls)),
    },
  )
}

function certificates({ caFile, certFile, keyFile }: TlsFiles) {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  }
}
