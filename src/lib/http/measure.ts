/** Counts and times the requests of an app, by the route that answered. */
import type { Metrics } from '#lib/metrics.ts'
import type { HttpApp, HttpRequest } from './app.ts'

/** The routes that Fastify does not know of, since the app finds them itself. */
const named = new WeakMap<HttpRequest, string>()

/** Says which route answers, as a pattern: `/servers/{id}`; never what a client wrote. */
export const nameRoute = (request: HttpRequest, pattern: string): void => void named.set(request, pattern)

/** Of a path that is no route's. */
const UNMATCHED = 'unmatched'
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]
const MS = 1_000

/** Before the app is ready. `service` tells the apps of one process apart. */
export function measureRequests(app: HttpApp, service: string, metrics: Metrics): void {
  const requests = metrics.counter('kilonova_http_requests_total', 'Requests answered.', [
    'service',
    'method',
    'route',
    'status',
  ])
  const seconds = metrics.histogram(
    'kilonova_http_request_seconds',
    'How long requests took.',
    ['service', 'method', 'route'],
    BUCKETS,
  )
  app.addHook('onResponse', (request, reply, done) => {
    const method = METHODS.has(request.method) ? request.method : 'other'
    const route = named.get(request) ?? routeOf(request)
    requests.add([service, method, route, reply.statusCode])
    seconds.observe([service, method, route], reply.elapsedTime / MS)
    done()
  })
}

/** A catch-all is no route of Fastify's: who answers below it names its own. */
function routeOf({ routeOptions: { url } }: HttpRequest): string {
  return url === undefined || url.endsWith('*') ? UNMATCHED : url
}
