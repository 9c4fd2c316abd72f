/** Sends what is passed through over HTTP, with the caller's token. */
import { Fault, FAULT_STATUS, type FaultKind } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'
import type { Document, PassThrough } from './port.ts'

export interface PassThroughDeps {
  readonly http: HttpClient
  /** Whose catalog says where each service is. */
  readonly sessions: { readonly image: ServiceSession; readonly network: ServiceSession }
}

const TIMEOUT_MS = 30_000
const VERSION = { image: 'v2', network: 'v2.0' } as const
const IMAGE_PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

export function createPassThrough({ http, sessions }: PassThroughDeps): PassThrough {
  return {
    async ask({ service, method, path, json }, { token }) {
      const endpoint = await sessions[service].endpoint(service, 'internal')
      const root = /\/v2(\.\d+)?$/.test(endpoint) ? endpoint : `${endpoint}/${VERSION[service]}`
      const headers = { 'x-auth-token': token, ...(method === 'PATCH' && IMAGE_PATCH) }
      const call = { method, url: `${root}/${path}`, headers, timeoutMs: TIMEOUT_MS }
      try {
        const answer = await http.send({ ...call, ...(json !== undefined && { json }) })
        if (answer.status >= 300) throw faultOf(answer)
        return (answer.json ?? {}) as Document
      } catch (error) {
        if (error instanceof HttpFailure)
          throw new Fault('unavailable', `The ${service} service did not answer.`, { cause: error })
        throw error
      }
    },
  }
}

function faultOf(answer: HttpAnswer): Fault {
  const { NeutronError: told } = (answer.json ?? {}) as { NeutronError?: { type?: string; message?: string } }
  const message = told?.message ?? `The service answered ${answer.status}.`
  const kind = (Object.keys(FAULT_STATUS) as FaultKind[]).find((one) => FAULT_STATUS[one] === answer.status)
  const code = told?.type === undefined ? {} : { code: told.type }
  return new Fault(kind === undefined || answer.status >= 500 ? 'badGateway' : kind, message, code)
}
