/** The catalog as a token sees it: enabled services with their endpoints, URLs filled in when asked. */
import type { Store } from './store.ts'

interface CatalogService {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly endpoints: readonly {
    readonly id: string
    readonly interface: string
    readonly region: string | null
    readonly region_id: string | null
    readonly url: string
  }[]
}

/** What may stand in an endpoint's URL, as `%(name)s` or `$(name)s`. */
export interface UrlParts {
  /** The cloud's own origin: it depends on the port of this start. */
  readonly public_url: string
  readonly project_id?: string
}

/** The URL with its parts filled in; undefined when it wants one that is not known (an unscoped token's project). */
export function fillUrl(template: string, parts: UrlParts): string | undefined {
  let known = true
  const values: Readonly<Record<string, string | undefined>> = {
    ...parts,
    tenant_id: parts.project_id,
  }
  const url = template.replace(/[%$]\((\w+)\)s/g, (_whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) known = false
    return value ?? ''
  })
  return known ? url : undefined
}

/** All enabled services and their enabled endpoints. */
export async function readCatalog(store: Store, parts: UrlParts): Promise<CatalogService[]> {
  const services = await store.db
    .selectFrom('keystone_service')
    .selectAll()
    .where('enabled', '=', 1)
    .orderBy('type')
    .execute()
  const endpoints = await store.db
    .selectFrom('keystone_endpoint')
    .selectAll()
    .where('enabled', '=', 1)
    .orderBy('interface')
    .orderBy('id')
    .execute()
  return services.map((service) => ({
    id: service.id,
    type: service.type,
    name: service.name ?? '',
    endpoints: endpoints
      .filter((endpoint) => endpoint.service_id === service.id)
      .flatMap((endpoint) => {
        const url = fillUrl(endpoint.url, parts)
        const { id, region_id } = endpoint
        return url === undefined
          ? []
          : [{ id, interface: endpoint.interface, region: region_id, region_id, url }]
      }),
  }))
}
