/** Requests to Neutron: whose token, what its errors mean, and lists of many ids in several URLs. */
import { Fault, FAULT_STATUS, type FaultKind } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import { createSharedReads } from '#lib/shared-reads.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'

export interface NeutronRequests {
  /** `token` undefined: as the service user. Throws a Fault with Neutron's own message and, as code, its error type. */
  send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    options?: { token?: string; json?: unknown },
  ): Promise<Record<string, unknown>>
  /** A list, filtered; many values of `by` are spread over several requests, sent at once. */
  list<T>(path: string, key: string, filter: Filter, options?: { token?: string; by?: string }): Promise<T[]>
}

export type Filter = Readonly<Record<string, string | readonly string[]>>

export interface RequestsDeps {
  readonly http: HttpClient
  readonly session: ServiceSession
  /** Neutron's URL when it is not the catalog's (`[neutron] endpoint_override`). */
  readonly endpoint?: string
  readonly timeoutMs?: number
}

/** Node's HTTP servers take 16 KiB of request head: 200 ids of a filter fit. */
const IDS_PER_URL = 200

export function createRequests(deps: RequestsDeps): NeutronRequests {
  const send: NeutronRequests['send'] = async (method, path, options = {}) => {
    const base = deps.endpoint ?? (await deps.session.endpoint('network', 'internal'))
    const url = `${base}/v2.0/${path}`
    const attempt = async (): Promise<HttpAnswer> => {
      const headers =
        options.token === undefined ? await deps.session.headers() : { 'x-auth-token': options.token }
      const { json } = options
      return deps.http.send({
        method,
        url,
        headers,
        ...(json !== undefined && { json }),
        ...(deps.timeoutMs && { timeoutMs: deps.timeoutMs }),
      })
    }
    try {
      let answer = await attempt()
      if (answer.status === 401 && options.token === undefined) {
        deps.session.invalidate()
        answer = await attempt()
      }
      if (answer.status >= 300) throw faultOf(answer)
      return (answer.json ?? {}) as Record<string, unknown>
    } catch (error) {
      if (error instanceof HttpFailure)
        throw new Fault('unavailable', 'The networking service did not answer.', { cause: error })
      throw error
    }
  }
  const shared = createSharedReads<Record<string, unknown>>({ waitsATurn: true })
  /** Many servers of one project are built at once, and all of them ask for its networks. */
  const read = (path: string, options: { token?: string }) =>
    shared(`${options.token ?? ''} ${path}`, () => send('GET', path, options))
  return {
    send: (method, path, options = {}) =>
      method === 'GET' ? read(path, options) : send(method, path, options),
    async list<T>(path: string, key: string, filter: Filter, options: { token?: string; by?: string } = {}) {
      const by = options.by
      const many = by === undefined ? undefined : [filter[by] ?? []].flat()
      if (many?.length === 0) return []
      const chunks =
        many === undefined || by === undefined
          ? [filter]
          : chunksOf(many, IDS_PER_URL).map((ids) => ({ ...filter, [by]: ids }))
      const token = options.token === undefined ? {} : { token: options.token }
      const answers = await Promise.all(chunks.map((chunk) => read(`${path}${queryOf(chunk)}`, token)))
      return answers.flatMap((answer) => (answer[key] ?? []) as T[])
    },
  }
}

function queryOf(filter: Filter): string {
  const query = new URLSearchParams()
  for (const [name, wanted] of Object.entries(filter))
    for (const value of [wanted].flat()) query.append(name, value)
  return query.size === 0 ? '' : `?${query.toString()}`
}

const chunksOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

function faultOf(answer: HttpAnswer): Fault {
  const body = answer.json as { NeutronError?: { type?: string; message?: string } | string } | undefined
  const error = body?.NeutronError
  const message =
    typeof error === 'string'
      ? error
      : (error?.message ?? `The networking service answered ${answer.status}.`)
  const code = typeof error === 'object' && error.type !== undefined ? { code: error.type } : {}
  const kind = (Object.keys(FAULT_STATUS) as FaultKind[]).find((one) => FAULT_STATUS[one] === answer.status)
  return new Fault(kind === undefined || answer.status >= 500 ? 'badGateway' : kind, message, code)
}
