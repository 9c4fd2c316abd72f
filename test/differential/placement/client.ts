/** Sends a request exactly as it is written: odd paths, odd headers, odd bodies too. */
import { request as send } from 'node:http'

export interface Ask {
  readonly method: string
  readonly path: string
  /** Undefined: none. */
  readonly version: string | undefined
  /** Sent as it is. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Whose token; `nobody` sends none. */
  readonly as?: Who
}

export const isWrite = ({ method }: Ask): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method)

export type Who = 'service' | 'reader' | 'member' | 'nobody' | 'forged'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Parsed when it is JSON. */
  readonly json: unknown
}

export type Endpoint = (ask: Ask) => Promise<Reply>

const TIMEOUT_MS = 60_000

export function endpointAt(base: string, tokens: Readonly<Record<Who, string | undefined>>): Endpoint {
  const { hostname, port, pathname } = new URL(base)
  const prefix = pathname.replace(/\/$/, '')
  return (ask) =>
    new Promise((done, fail) => {
      const token = tokens[ask.as ?? 'service']
      const request = send(
        {
          hostname,
          port,
          method: ask.method,
          path: prefix + ask.path,
          timeout: TIMEOUT_MS,
          headers: {
            ...(token !== undefined && { 'x-auth-token': token }),
            ...(ask.version !== undefined && { 'openstack-api-version': `placement ${ask.version}` }),
            ...(ask.text !== undefined && {
              'content-type': 'application/json',
              'content-length': String(Buffer.byteLength(ask.text)),
            }),
            ...ask.headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => (text += chunk))
          response.on('end', () =>
            done({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) }),
          )
          response.on('error', fail)
        },
      )
      request.on('timeout', () => request.destroy(new Error(`${ask.method} ${ask.path}: no answer`)))
      request.on('error', fail)
      request.end(ask.text)
    })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
