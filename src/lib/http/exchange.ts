/** One request and its whole answer, by undici's own handlers: what streams and signals add costs as much as all the rest. */
import type { Dispatcher } from 'undici'

export interface WholeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface ExchangeOptions {
  /** Of all of it, until the answer's last byte. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

const UTF_8 = new TextDecoder()
/** Below are words in between (`100 Continue`), not answers. */
const FIRST_STATUS = 200

/** Rejects when the connection breaks, also in the middle of the answer, when it takes too long, and with the signal's reason. */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { timeoutMs, signal }: ExchangeOptions,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let head: Pick<WholeAnswer, 'status' | 'headers'> = { status: 0, headers: {} }
    let controller: Dispatcher.DispatchController | undefined
    let failed: Error | undefined
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    const fail = (error: Error): void => {
      settle()
      failed = error
      controller?.abort(error)
      reject(error)
    }
    const stop = (): void => fail(asError(signal?.reason))
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    if (signal?.aborted) return stop()
    signal?.addEventListener('abort', stop, { once: true })
    dispatcher.dispatch(request, {
      onRequestStart(begun) {
        controller = begun
        // Nobody waits any more for what waited for a connection.
        if (failed) begun.abort(failed)
      },
      onResponseStart(_controller, status, headers) {
        if (status >= FIRST_STATUS) head = { status, headers }
      },
      onResponseData(_controller, part) {
        parts.push(part)
      },
      onResponseEnd() {
        settle()
        const [first] = parts
        const bytes = parts.length === 1 && first ? first : Buffer.concat(parts)
        resolve({ ...head, text: UTF_8.decode(bytes) })
      },
      onResponseError(_controller, error) {
        settle()
        reject(error)
      },
    })
  })
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('nobody waits for the answer', { cause: reason })
