/** Requests to Cinder: whose token and project, which microversion, and what its errors mean. */
import { Fault, FAULT_STATUS, type FaultKind, isFault } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'
import type { Caller } from './port.ts'

export interface CinderDeps {
  readonly http: HttpClient
  /** The service user: its catalog says where Cinder is. */
  readonly session: ServiceSession
  /** `[cinder] catalog_info`: type and interface of the catalog's entry; default `volumev3`, public. */
  readonly catalog?: { readonly type: string; readonly interfaceName: 'public' | 'internal' | 'admin' }
  readonly timeoutMs?: number
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
type Json = Readonly<Record<string, unknown>>

export interface CinderRequests {
  /** `caller` undefined: as the service user. Throws a Fault with Cinder's own message. */
  send(method: Method, path: string, options?: { caller?: Caller; json?: unknown }): Promise<Json>
}

/** The first with attachments that are completed; its answers have all that is read. */
const MICROVERSION = 'volume 3.44'
const DEFAULT_TIMEOUT_MS = 30_000

export function createCinderRequests(deps: CinderDeps): CinderRequests {
  const { http, session, catalog = { type: 'volumev3', interfaceName: 'public' } } = deps
  return {
    async send(method, path, { caller, json } = {}) {
      const endpoint = await session.endpoint(catalog.type, catalog.interfaceName)
      const url = `${ofProject(endpoint, caller)}/${path}`
      const attempt = async (): Promise<HttpAnswer> => {
        const token = caller ? { 'x-auth-token': caller.token } : await session.headers()
        return http.send({
          method,
          url,
          headers: { ...token, 'openstack-api-version': MICROVERSION },
          timeoutMs: deps.timeoutMs ?? DEFAULT_TIMEOUT_MS,
          ...(json !== undefined && { json }),
        })
      }
      try {
        let answer = await attempt()
        if (answer.status === 401 && !caller) {
          session.invalidate()
          answer = await attempt()
        }
        if (answer.status >= 300) throw faultOf(answer)
        return (answer.json ?? {}) as Json
      } catch (error) {
        if (error instanceof HttpFailure)
          throw new Fault('unavailable', 'The volume service did not answer.', { cause: error })
        throw error
      }
    },
  }
}

/** The catalog's URL was filled in for the service user's project; Cinder refuses any other than the token's. */
function ofProject(endpoint: string, caller: Caller | undefined): string {
  const [, root, project] = /^(.*?\/v3)(?:\/([^/]+))?$/.exec(endpoint) ?? []
  if (root === undefined) return endpoint
  const own = caller?.projectId ?? project
  return own === undefined || (project === undefined && caller === undefined) ? root : `${root}/${own}`
}

function faultOf(answer: HttpAnswer): Fault {
  const [told] = Object.values(
    (answer.json ?? {}) as Readonly<Record<string, { message?: unknown } | undefined>>,
  )
  const message =
    typeof told?.message === 'string' ? told.message : `The volume service answered ${answer.status}.`
  const kind = (Object.keys(FAULT_STATUS) as FaultKind[]).find((one) => FAULT_STATUS[one] === answer.status)
  return new Fault(kind === undefined || answer.status >= 500 ? 'badGateway' : kind, message)
}

/** What is not there, is undefined. */
export async function unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request
  } catch (error) {
    if (isFault(error, 'notFound')) return undefined
    throw error
  }
}
