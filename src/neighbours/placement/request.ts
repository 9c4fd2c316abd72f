/** One request to Placement: the service's token, the version, a new token once after a 401. */
import { Fault } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'

/** What is spoken: the last version that real ones of the last years know. */
const VERSION = 'placement 1.39'
const TIMEOUT_MS = 30_000

export interface RequestOptions {
  readonly session: ServiceSession
  readonly http: HttpClient
  /** In this order, the first that the catalog has. `[placement] valid_interfaces`. */
  readonly interfaces?: readonly ('internal' | 'public' | 'admin')[]
  /** A URL in place of the catalog's. `[placement] endpoint_override`. */
  readonly endpointOverride?: string
}

/** Sends; any status but 401 is an answer. Throws `unavailable` when Placement is away or refuses our token. */
export type Send = (method: string, path: string, json?: unknown) => Promise<HttpAnswer>

export function createSend(options: RequestOptions): Send {
  const once = async (method: string, path: string, json: unknown): Promise<HttpAnswer> => {
    const headers = await options.session.headers()
    const url = `${await endpointOf(options)}${path}`
    try {
      return await options.http.send({
        method,
        url,
        headers: { ...headers, 'openstack-api-version': VERSION },
        timeoutMs: TIMEOUT_MS,
        ...(json !== undefined && { json }),
      })
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error
      throw new Fault('unavailable', 'The placement service could not be reached.', { cause: error })
    }
  }
  return async (method, path, json) => {
    const answer = await once(method, path, json)
    if (answer.status !== 401) return answer
    options.session.invalidate()
    const second = await once(method, path, json)
    if (second.status !== 401) return second
    throw new Fault('unavailable', 'The placement service refused the token of the service user.')
  }
}

async function endpointOf({
  session,
  interfaces = ['internal', 'public'],
  endpointOverride,
}: RequestOptions) {
  if (endpointOverride !== undefined) return endpointOverride.replace(/\/+$/, '')
  const failures: unknown[] = []
  for (const name of interfaces) {
    try {
      return await session.endpoint('placement', name)
    } catch (error) {
      failures.push(error)
    }
  }
  throw failures[0]
}

/** The code of an answer that is an error, such as `placement.concurrent_update`. */
export function errorCode(answer: HttpAnswer): string | undefined {
  const body = answer.json as { errors?: { code?: string }[] } | undefined
  return body?.errors?.[0]?.code
}

/** What an answer that is an error says. */
export function detailOf(answer: HttpAnswer): string {
  const body = answer.json as { errors?: { detail?: string }[] } | undefined
  return body?.errors?.[0]?.detail?.trim() ?? ''
}

/** An answer that nobody reckoned with. */
export const unexpected = (what: string, answer: HttpAnswer): Fault =>
  new Fault(
    'badGateway',
    `The placement service answered ${answer.status} when ${what}. ${detailOf(answer)}`.trim(),
  )

export const isConcurrentUpdate = (answer: HttpAnswer): boolean =>
  answer.status === 409 && errorCode(answer) === 'placement.concurrent_update'
