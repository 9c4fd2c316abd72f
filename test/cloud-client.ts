/** A client for tests and benchmarks: logs in with what the cloud wrote for its users, speaks JSON. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type LoggedIn, passwordLogin } from './password-login.ts'

interface CloudsFile {
  readonly clouds: Readonly<Record<string, { readonly auth: Readonly<Record<string, string>> }>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes, checked by assertions
  readonly body: any
}

export interface CloudClient {
  readonly token: string
  readonly projectId: string
  /** `service` is a catalog type: `compute`, `network`, `image`, `placement`, `identity`. */
  call(
    service: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** The same, and fails unless the status is `expect`. */
  ok(
    service: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer['body']>
}

const MICROVERSION = { compute: 'compute 2.96', placement: 'placement 1.39' } as Record<string, string>
const VERSION_PATH: Record<string, string> = { network: '/v2.0', image: '/v2', identity: '/v3' }

/** Logs in as a user of the state directory's `clouds.yaml`. */
export async function login(stateDir: string, cloud: string): Promise<CloudClient> {
  const file = parse(readFileSync(join(stateDir, 'clouds.yaml'), 'utf8')) as CloudsFile
  const auth = file.clouds[cloud]?.auth
  if (!auth) throw new Error(`clouds.yaml has no cloud ${cloud}: ${Object.keys(file.clouds).join(', ')}`)
  return clientOf(
    await passwordLogin({
      authUrl: auth['auth_url'] ?? '',
      user: auth['username'] ?? '',
      password: auth['password'] ?? '',
      project: auth['project_name'] ?? '',
      userDomain: auth['user_domain_name'],
      projectDomain: auth['project_domain_name'],
    }),
  )
}

function clientOf({ token, projectId, endpoints }: LoggedIn): CloudClient {
  const call: CloudClient['call'] = async (service, method, path, body, headers = {}) => {
    const base = endpoints.get(service)
    if (base === undefined) throw new Error(`no ${service} in the catalog`)
    const version = VERSION_PATH[service] ?? ''
    const answer = await fetch(base + (base.endsWith(version) ? '' : version) + path, {
      method,
      headers: {
        'x-auth-token': token,
        ...(MICROVERSION[service] && { 'openstack-api-version': MICROVERSION[service] }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') === true && text !== ''
    return {
      status: answer.status,
      headers: answer.headers,
      body: isJson ? (JSON.parse(text) as unknown) : text,
    }
  }
  return {
    token,
    projectId,
    call,
    async ok(service, method, path, body, headers) {
      const answer = await call(service, method, path, body, headers)
      if (answer.status >= 300)
        throw new Error(`${method} ${service}${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body
    },
  }
}
