/** A service user's session: one token for everybody who asks, renewed before it ends, with the catalog that came with it. */
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { ServiceSession } from './port.ts'
import { type CatalogEntry, identityRoot, readTokenBody } from './token-body.ts'

export interface ServiceSessionOptions {
  readonly http: HttpClient
  /** Keystone's URL, with or without `/v3`. */
  readonly authUrl: string
  readonly username: string
  readonly password: string
  readonly projectName: string
  readonly userDomainName: string
  readonly projectDomainName: string
  /** Endpoints of other regions are not seen; undefined sees all. */
  readonly region?: string
  readonly clock: Clock
}

interface Held {
  readonly token: string
  readonly expiresAt: number
  readonly catalog: readonly CatalogEntry[]
  /** Endpoints that were found in it: every request to a neighbour asks for one. */
  readonly found: Map<string, string>
}

/** A token this close to its end is not used for a new request. */
const RENEW_BEFORE_MS = 60_000
const TIMEOUT_MS = 30_000

/** A session that asks for nothing until its first use. Throws `unavailable` faults when Keystone refuses or is away. */
export function createServiceSession(options: ServiceSessionOptions): ServiceSession {
  let held: Held | undefined
  let renewal: Promise<Held> | undefined

  const current = async (): Promise<Held> => {
    if (held !== undefined && held.expiresAt - RENEW_BEFORE_MS > options.clock.now()) return held
    renewal ??= authenticate(options)
      .then((fresh) => (held = fresh))
      .finally(() => (renewal = undefined))
    return renewal
  }

  return {
    async headers() {
      return { 'x-auth-token': (await current()).token }
    },
    async endpoint(serviceType, interfaceName) {
      const { catalog, found } = await current()
      const wanted = `${serviceType} ${interfaceName}`
      const known = found.get(wanted)
      if (known !== undefined) return known
      const endpoint = catalog
        .filter((service) => service.type === serviceType)
        .flatMap((service) => service.endpoints)
        .find(
          (each) =>
            each.interface === interfaceName &&
            (options.region === undefined || each.region_id === options.region),
        )
      if (endpoint === undefined) {
        const where = options.region === undefined ? '' : ` in region ${options.region}`
        throw new Fault(
          'unavailable',
          `The catalog has no ${interfaceName} endpoint of the ${serviceType} service${where}.`,
        )
      }
      const url = endpoint.url.replace(/\/+$/, '')
      found.set(wanted, url)
      return url
    },
    invalidate() {
      held = undefined
    },
  }
}

async function authenticate(options: ServiceSessionOptions): Promise<Held> {
  const answer = await send(options, {
    auth: {
      identity: {
        methods: ['password'],
        password: {
          user: {
            name: options.username,
            domain: { name: options.userDomainName },
            password: options.password,
          },
        },
      },
      scope: { project: { name: options.projectName, domain: { name: options.projectDomainName } } },
    },
  })
  const token = answer.headers['x-subject-token']
  if (answer.status !== 201 || typeof token !== 'string') {
    throw new Fault(
      'unavailable',
      `The identity service refused a token to the service user ${options.username} (status ${answer.status}).`,
    )
  }
  const body = readTokenBody(answer.json)
  return { token, expiresAt: body.expiresAt, catalog: body.catalog ?? [], found: new Map() }
}

async function send(options: ServiceSessionOptions, json: unknown): Promise<HttpAnswer> {
  const url = `${identityRoot(options.authUrl)}/auth/tokens`
  try {
    return await options.http.send({ method: 'POST', url, json, timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof HttpFailure)
      throw new Fault('unavailable', 'The identity service could not be reached.', { cause: error })
    throw error
  }
}
