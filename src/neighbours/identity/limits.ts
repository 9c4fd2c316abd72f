/** Unified limits: how much projects may have, as Keystone keeps it for the services whose endpoint this is. */
import { Fault } from '#lib/fault.ts'
import { type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { ServiceSession, UnifiedLimits } from './port.ts'
import { identityRoot } from './token-body.ts'

export interface UnifiedLimitsOptions {
  readonly http: HttpClient
  /** Keystone's URL, with or without `/v3`. */
  readonly authUrl: string
  /** A user who may read limits of all projects. */
  readonly session: ServiceSession
  /** The endpoint for whose service and region limits are registered; null finds the compute service. */
  readonly endpointId: string | null
}

interface Owner {
  readonly service_id: string
  readonly region_id: string | null
}

interface LimitDocument {
  readonly resource_name: string
  readonly region_id: string | null
  readonly default_limit?: number
  readonly resource_limit?: number
}

const TIMEOUT_MS = 30_000

/** Asks Keystone each time. Throws `unavailable` faults when Keystone refuses or is away. */
export function createUnifiedLimits(options: UnifiedLimitsOptions): UnifiedLimits {
  const ask = (path: string) => askKeystone(options, path)

  const ownerOf = async (): Promise<Owner> => {
    const { endpointId } = options
    if (endpointId !== null)
      return (await ask(`endpoints/${encodeURIComponent(endpointId)}`))['endpoint'] as Owner
    const services = (await ask('services?type=compute'))['services'] as { readonly id: string }[]
    const [service] = services
    if (!service) throw new Fault('unavailable', 'The identity service knows no compute service.')
    return { service_id: service.id, region_id: null }
  }

  /** By resource; what is said for the region goes before what is said for all. */
  const read = async (key: 'limits' | 'registered_limits', more = ''): Promise<Record<string, number>> => {
    const { service_id: service, region_id: region } = await ownerOf()
    const found = (await ask(`${key}?service_id=${encodeURIComponent(service)}${more}`))[key]
    const limits: Record<string, number> = {}
    const ours = (found as LimitDocument[]).filter(
      (one) => one.region_id === null || one.region_id === region,
    )
    for (const one of ours.sort((a, b) => Number(a.region_id !== null) - Number(b.region_id !== null)))
      limits[one.resource_name] = one.resource_limit ?? one.default_limit ?? 0
    return limits
  }

  return {
    registered: () => read('registered_limits'),
    ofProject: (projectId) => read('limits', `&project_id=${encodeURIComponent(projectId)}`),
  }
}

async function askKeystone(
  { http, authUrl, session }: UnifiedLimitsOptions,
  path: string,
): Promise<Readonly<Record<string, unknown>>> {
  const attempt = async () =>
    http.send({
      method: 'GET',
      url: `${identityRoot(authUrl)}/${path}`,
      headers: await session.headers(),
      timeoutMs: TIMEOUT_MS,
    })
  try {
    let answer = await attempt()
    if (answer.status === 401) {
      session.invalidate()
      answer = await attempt()
    }
    if (answer.status === 200) return answer.json as Readonly<Record<string, unknown>>
    throw new Fault('unavailable', `The identity service did not tell limits (status ${answer.status}).`)
  } catch (error) {
    if (error instanceof HttpFailure)
      throw new Fault('unavailable', 'The identity service could not be reached.', { cause: error })
    throw error
  }
}
