/** A small HTTP client over undici: keep-alive, deadlines, JSON both ways, failures as one error class. */
import { Agent, request } from 'undici'
import type { Readable } from 'node:stream'
import { currentTrace } from '#lib/trace.ts'
import { exchange } from './exchange.ts'

export interface HttpCall {
  readonly method: string
  /** Absolute URL. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is; exclusive with `json`. */
  readonly body?: Readable | Buffer | string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Parsed when the answer is JSON, else undefined. */
  readonly json: unknown
  readonly text: string
}

/** A neighbour could not be reached, or did not answer in time. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
}

export interface HttpClient {
  /** Any status is an answer; only a lost connection or a deadline throws (`HttpFailure`). */
  send(call: HttpCall): Promise<HttpAnswer>
  /** The same, with the answer's body unread. The caller must consume it. */
  stream(call: HttpCall): Promise<{ status: number; headers: HttpAnswer['headers']; body: Readable }>
  close(): Promise<void>
}

const DEFAULT_TIMEOUT_MS = 60_000

const failure = ({ method, url }: HttpCall, cause: unknown): HttpFailure =>
  new HttpFailure(`${method} ${new URL(url).origin} was not answered`, { cause })

function headersOf(call: HttpCall): Record<string, string> {
  const trace = currentTrace()
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...(trace && { 'x-openstack-request-id': trace.globalRequestId ?? trace.requestId }),
    ...call.headers,
  }
  if (call.json !== undefined) headers['content-type'] ??= 'application/json'
  return headers
}

const bodyOf = (call: HttpCall): Readable | Buffer | string | null =>
  call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json)

export function createHttpClient(options: { connections?: number } = {}): HttpClient {
  const dispatcher = new Agent({ connections: options.connections ?? 64, keepAliveTimeout: 4_000 })
  return {
    async send(call) {
      const { origin, pathname, search } = new URL(call.url)
      const path = `${pathname}${search}`
      const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = call
      const { status, headers, text } = await exchange(
        dispatcher,
        { origin, path, method: call.method, headers: headersOf(call), body: bodyOf(call) },
        { timeoutMs, signal },
      ).catch((error: unknown) => {
        throw failure(call, error)
      })
      const isJson = String(headers['content-type'] ?? '').includes('json') && text !== ''
      return { status, headers, text, json: isJson ? (JSON.parse(text) as unknown) : undefined }
    },
    async stream(call) {
      const timeout = AbortSignal.timeout(call.timeoutMs ?? DEFAULT_TIMEOUT_MS)
      const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout
      const { method, url } = call
      const options = { dispatcher, method, headers: headersOf(call), body: bodyOf(call), signal }
      const { statusCode, headers, body } = await request(url, options).catch((error: unknown) => {
        throw failure(call, error)
      })
      return { status: statusCode, headers, body }
    },
    close: () => dispatcher.close(),
  }
}
