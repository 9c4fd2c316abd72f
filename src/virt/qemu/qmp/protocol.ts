/**
 * QMP, the protocol: JSON lines both ways over a stream; a greeting, commands with ids, replies in any
 * order, events in between. Nothing above this file sees JSON.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '#lib/clock.ts'
import { within } from '../deadline.ts'

/** QEMU said no to a command. */
export class QmpError extends Error {
  override readonly name = 'QmpError'
  /** QEMU's error class, `GenericError` mostly. */
  readonly errorClass: string

  constructor(command: string, errorClass: string, description: string) {
    super(`QEMU refused ${command}: ${description}`)
    this.errorClass = errorClass
  }
}

/** The connection ended before the answer came. */
export class QmpClosed extends Error {
  override readonly name = 'QmpClosed'
}

export interface QmpEvent {
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface QmpConnection {
  /** Sends a command and waits for its answer: `QmpError`, `QmpClosed` or `DeadlinePassed` when there is no good one. */
  execute(command: string, args?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<unknown>
  /** Resolves when the connection has ended, however it ended. */
  readonly closed: Promise<void>
  close(): void
}

/** Longer lines do not come from a sane QEMU: the connection is dropped rather than memory filled. */
const MAX_LINE_BYTES = 16 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 10_000

interface Waiting {
  readonly command: string
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

interface Line {
  readonly QMP?: unknown
  readonly event?: unknown
  readonly data?: unknown
  readonly id?: unknown
  readonly return?: unknown
  readonly error?: { readonly class?: unknown; readonly desc?: unknown }
}

/** Splits a stream into lines, however the bytes come. */
function eachLine(stream: Duplex, onLine: (line: string) => void): void {
  let pieces: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...pieces, rest.subarray(0, end)])
        .toString('utf8')
        .trim()
      pieces = []
      length = 0
      rest = rest.subarray(end + 1)
      if (line !== '') onLine(line)
    }
    if (rest.length > 0) pieces.push(rest)
    length += rest.length
    if (length > MAX_LINE_BYTES) stream.destroy(new Error('a QMP line without end'))
  })
}

/**
 * Waits for the greeting, negotiates capabilities, and gives the connection. Events are handed to
 * `onEvent` from the first on.
 */
export async function openQmp(
  stream: Duplex,
  options: { clock: Clock; timeoutMs?: number; onEvent?: (event: QmpEvent) => void },
): Promise<QmpConnection> {
  const { clock, timeoutMs = DEFAULT_TIMEOUT_MS, onEvent } = options
  const waiting = new Map<number, Waiting>()
  const greeting = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  let nextId = 1

  const end = (error: Error) => {
    greeting.reject(error)
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    closed.resolve()
  }
  const answer = (line: Line) => {
    const waiter = waiting.get(Number(line.id))
    if (!waiter) return
    waiting.delete(Number(line.id))
    if (line.error === undefined) waiter.resolve(line.return)
    else waiter.reject(new QmpError(waiter.command, String(line.error.class), String(line.error.desc)))
  }
  const receive = (text: string) => {
    let line: Line
    try {
      line = JSON.parse(text) as Line
    } catch (error) {
      stream.destroy(new Error('QEMU sent something that is not JSON', { cause: error }))
      return
    }
    if (line.QMP !== undefined) greeting.resolve()
    else if (typeof line.event === 'string')
      onEvent?.({ name: line.event, data: (line.data ?? {}) as Record<string, unknown> })
    else answer(line)
  }
  eachLine(stream, receive)
  let failure: Error | undefined
  stream.on('error', (error) => {
    failure = error
  })
  stream.on('close', () => end(new QmpClosed('the QMP connection ended', failure && { cause: failure })))
  stream.on('end', () => stream.destroy())
  greeting.promise.catch(() => undefined)

  const connection: QmpConnection = {
    async execute(command, args, commandTimeoutMs = DEFAULT_TIMEOUT_MS) {
      if (stream.destroyed) throw new QmpClosed('the QMP connection has ended')
      const id = nextId++
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      waiting.set(id, { command, resolve, reject })
      stream.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`)
      try {
        return await within(clock, commandTimeoutMs, `QMP ${command}`, promise)
      } finally {
        waiting.delete(id)
      }
    },
    closed: closed.promise,
    close: () => void stream.destroy(),
  }
  try {
    await within(clock, timeoutMs, 'the QMP greeting', greeting.promise)
    await connection.execute('qmp_capabilities', undefined, timeoutMs)
    return connection
  } catch (error) {
    stream.destroy()
    throw error
  }
}
