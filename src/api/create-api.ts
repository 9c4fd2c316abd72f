/** The app of the compute API: discovery without a token, everything else through the dispatcher. */
import { aggregateRoutes } from '#api/aggregates/index.ts'
import { assistedSnapshotRoutes } from '#api/assisted-snapshots/index.ts'
import { availabilityZoneRoutes } from '#api/availability-zones/index.ts'
import { consoleTokenRoutes } from '#api/console-tokens/index.ts'
import { extensionRoutes } from '#api/extensions/index.ts'
import { externalEventRoutes } from '#api/external-events/index.ts'
import { flavorRoutes } from '#api/flavors/index.ts'
import { hostRoutes } from '#api/hosts/index.ts'
import { hypervisorRoutes } from '#api/hypervisors/index.ts'
import { instanceActionRoutes } from '#api/instance-actions/index.ts'
import { interfaceRoutes } from '#api/interfaces/index.ts'
import {
  createDispatch,
  renderFault,
  type Route,
  sendJson,
  type Services,
  speakVersion,
} from '#api/kernel/index.ts'
import { keypairRoutes } from '#api/keypairs/index.ts'
import { migrationRoutes } from '#api/migrations/index.ts'
import type { Documents } from '#api/openapi/index.ts'
import { proxyRoutes } from '#api/proxies/index.ts'
import { quotaRoutes } from '#api/quotas/index.ts'
import { removedRoutes } from '#api/removed/index.ts'
import { remoteConsoleRoutes } from '#api/remote-consoles/index.ts'
import { securityGroupRoutes } from '#api/security-groups/index.ts'
import { serverActionRoutes } from '#api/server-actions/index.ts'
import { serverGroupRoutes } from '#api/server-groups/index.ts'
import { serverInsideRoutes } from '#api/server-insides/index.ts'
import { serverPartRoutes } from '#api/server-parts/index.ts'
import { serverRoutes } from '#api/servers/index.ts'
import { serviceRoutes } from '#api/services/index.ts'
import { usageRoutes } from '#api/usage/index.ts'
import { volumeAttachmentRoutes } from '#api/volume-attachments/index.ts'
import { volumesBootRoutes } from '#api/volumes-boot/index.ts'
import { allVersions, choices, oneVersion, versionRoutes } from '#api/versions/index.ts'
import { createHttpApp, type HttpApp, type HttpReply, type HttpRequest } from '#lib/http/index.ts'

export interface Api {
  readonly app: HttpApp
  /** Makes the app ready to be routed to. */
  start(): Promise<void>
  /** Finishes what is being answered. */
  close(): Promise<void>
}

/** Any other method is on no route. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Below it is what Nova does not have. */
const OWN = 'kilonova'

const REQUEST_ID_HEADERS = ['x-openstack-request-id', 'x-compute-request-id']

const routesOf = (services: Services): readonly Route[] => [
  ...versionRoutes,
  ...removedRoutes,
  ...extensionRoutes,
  ...flavorRoutes(services),
  ...serverRoutes(services),
  ...serverActionRoutes(services),
  ...serverPartRoutes(services),
  ...serverInsideRoutes(services),
  ...serverGroupRoutes(services),
  ...aggregateRoutes(services),
  ...assistedSnapshotRoutes(services),
  ...consoleTokenRoutes(services),
  ...externalEventRoutes(services),
  ...hostRoutes(services),
  ...migrationRoutes(services),
  ...availabilityZoneRoutes(services),
  ...hypervisorRoutes(services),
  ...instanceActionRoutes(services),
  ...interfaceRoutes(services),
  ...keypairRoutes(services),
  ...proxyRoutes(services),
  ...quotaRoutes(services),
  ...remoteConsoleRoutes(services),
  ...securityGroupRoutes(services),
  ...serviceRoutes(services),
  ...volumeAttachmentRoutes(services),
  ...usageRoutes(services),
]

/** Every route of the API. */
export function apiRoutes(services: Services): readonly Route[] {
  const routes = routesOf(services)
  return [...routes, ...volumesBootRoutes(routes)]
}

export function createApi(services: Services): Api {
  const { config, log, ids, identity, policy } = services
  const app = createHttpApp({
    log,
    ids,
    renderFault,
    maxBodyBytes: config.maxBodyBytes,
    requestIdHeaders: REQUEST_ID_HEADERS,
    mergeSlashes: true,
  })
  // The dispatcher reads bodies itself: what is JSON depends on more than the content type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  const routes = apiRoutes(services)
  const operations = routes.map(({ operation }) => operation)
  let documents: Promise<Documents> | undefined
  const dispatch = createDispatch({
    routes,
    identity,
    policy,
    authUri: config.authUri,
    serviceTokens: config.serviceTokens ?? { roles: ['service'], required: false },
    linkPrefix: config.linkPrefix,
  })
  const rootOf = (request: HttpRequest) => config.linkPrefix ?? `${request.protocol}://${request.host}`

  const handle = async (request: HttpRequest, reply: HttpReply): Promise<HttpReply> => {
    const [path, query] = splitUrl(request.url)
    const [, version = '', ...rest] = path.split('/').map(decode)
    // A version may end in a slash; nothing else does, and an empty segment names nothing.
    const segments = rest.length === 1 && rest[0] === '' ? [] : rest
    if (version === '') return sendJson(reply, 200, allVersions(rootOf(request)))
    if (version === OWN && request.method === 'GET' && segments[0] === 'openapi') {
      // Few ask for it: what it is made of is loaded when somebody does.
      documents ??= import('#api/openapi/index.ts').then(({ createDocuments }) => createDocuments(operations))
      return (await documents).send({ rest: segments.slice(1), root: rootOf(request) }, request, reply)
    }
    if (version !== 'v2.1' && version !== 'v2') return sendJson(reply, 300, choices(rootOf(request), path))
    if (segments.length === 0 && request.method === 'GET') {
      if (version === 'v2.1') speakVersion(request, reply)
      return sendJson(reply, 200, oneVersion(rootOf(request), version))
    }
    await dispatch({ version, segments, query }, request, reply)
    return reply
  }
  app.route({ method: METHODS, url: '/', handler: handle })
  app.route({ method: METHODS, url: '/*', handler: handle })

  return {
    app,
    start: async () => {
      await app.ready()
    },
    close: () => app.close(),
  }
}

function splitUrl(url: string): [string, string] {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** A segment as it was meant; one that is badly encoded stays as it is and matches nothing that exists. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
