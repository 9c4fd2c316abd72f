/** A small HTTP client over undici: keep-alive, deadlines, JSON both ways, failures as one error class. */
import { Agent, request } from 'undici'
import type { Readable } from 'node:stream'
import { currentTrace } from '#lib/trace.ts'

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

export function createHttpClient(options: { connections?: number } = {}): HttpClient {
  const dispatcher = new Agent({ connections: options.connections ?? 64, keepAliveTimeout: 4_000 })
  const open = async (call: HttpCall) => {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout
    const trace = currentTrace()
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...(trace && { 'x-openstack-request-id': trace.globalRequestId ?? trace.requestId }),
      ...call.headers,
    }
    if (call.json !== undefined) headers['content-type'] ??= 'application/json'
    try {
      return await request(call.url, {
        dispatcher,
        method: call.method,
        headers,
        body: call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json),
        signal,
      })
    } catch (error) {
      throw failure(call, error)
    }
  }
  return {
    async send(call) {
      const { statusCode, headers, body } = await open(call)
      // Who answers may go away in the middle of it.
      const text = await body.text().catch((error: unknown) => {
        throw failure(call, error)
      })
      const isJson = String(headers['content-type'] ?? '').includes('json') && text !== ''
      return { status: statusCode, headers, text, json: isJson ? (JSON.parse(text) as unknown) : undefined }
    },
    async stream(call) {
      const { statusCode, headers, body } = await open(call)
      return { status: statusCode, headers, body }
    },
    close: () => dispatcher.close(),
  }
}
