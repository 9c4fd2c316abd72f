/**
 * The HTTP edge that every service shares: Fastify with request ids, size limits, faults turned into
 * bodies, and a drain on close. What a fault's body looks like is the service's own (`renderFault`).
 */
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { IncomingMessage } from 'node:http'
import { Fault, FAULT_STATUS, type FaultKind } from '#lib/fault.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import { traced } from '#lib/trace.ts'

export type HttpApp = FastifyInstance
export type HttpRequest = FastifyRequest
export type HttpReply = FastifyReply

/** A fault's body and the headers that go with it. */
export interface RenderedFault {
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpAppOptions {
  readonly log: Log
  readonly ids: Ids
  readonly renderFault: (fault: Fault, request: HttpRequest) => RenderedFault
  /** The largest request body in bytes; larger ones get 413. */
  readonly maxBodyBytes: number
  /** Response headers in which the request id is sent; the first also names it in requests. */
  readonly requestIdHeaders?: readonly string[]
  /** Takes slashes in a row for one, as Paste does for services that it serves: some clients join paths that way. */
  readonly mergeSlashes?: boolean
}

const REQUEST_ID = /^req-[0-9a-zA-Z-]{1,64}$/
const MAX_PARAM_LENGTH = 2048
/** Longer ones get 414. A thousand request groups of Placement are some 20 KiB. */
const MAX_URL_LENGTH = 65_536

/** Bodies and answers are checked elsewhere; Fastify's own compilers would cost 30 ms at start. */
const NO_SCHEMAS = () => () => {
  throw new Error('routes have no schemas here')
}

/** Makes an app; routes are added by the caller. It listens nowhere until told to. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const headers = options.requestIdHeaders ?? ['x-openstack-request-id']
  const app = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    genReqId: () => options.ids.requestId(),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
    ...(options.mergeSlashes === true && {
      rewriteUrl: ({ url = '/' }: IncomingMessage) => withSlashesMerged(url),
    }),
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: { buildValidator: NO_SCHEMAS, buildSerializer: NO_SCHEMAS } },
    return503OnClosing: true,
    frameworkErrors(error, request, reply) {
      // No hook has run for these.
      for (const header of headers) reply.header(header, request.id)
      sendFault(options, error, request, reply as HttpReply)
    },
  })
  app.addHook('onRequest', (request, reply, done) => {
    for (const header of headers) reply.header(header, request.id)
    if (request.url.length > MAX_URL_LENGTH)
      return done(new Fault('uriTooLong', 'The URI is too long.') as unknown as FastifyError)
    traced({ requestId: request.id, globalRequestId: globalRequestId(request) }, done)
  })
  app.addHook('onResponse', async (request, reply) => {
    options.log.info(
      {
        method: request.method,
        path: request.url.split('?')[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    )
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    if (text === '') return done(null, undefined)
    try {
      done(null, JSON.parse(text as string))
    } catch (error) {
      done(new Fault('badRequest', 'Malformed request body', { cause: error }))
    }
  })
  app.setErrorHandler((error, request, reply) => sendFault(options, error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendFault(options, new Fault('notFound', 'The resource could not be found.'), request, reply),
  )
  return app
}

/** Not those of the query, where a value may hold a URL. */
function withSlashesMerged(url: string): string {
  const query = url.indexOf('?')
  const twice = url.indexOf('//')
  if (twice < 0 || (query >= 0 && query < twice)) return url
  const end = query < 0 ? url.length : query
  return url.slice(0, end).replace(/\/{2,}/g, '/') + url.slice(end)
}

function sendFault(options: HttpAppOptions, error: unknown, request: HttpRequest, reply: HttpReply): void {
  const fault = toFault(error)
  if (fault.status >= 500)
    options.log.error({ err: error }, `${request.method} ${request.url.split('?')[0]} failed`)
  const rendered = options.renderFault(fault, request)
  reply.code(fault.status).headers({ ...fault.headers, ...rendered.headers })
  if (typeof rendered.body !== 'string' && !reply.hasHeader('content-type')) reply.type('application/json')
  reply.send(typeof rendered.body === 'string' ? rendered.body : JSON.stringify(rendered.body))
}

const UNEXPECTED =
  'Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API log if possible.'

/** Any error as a fault: Fastify's own by their status, everything else as an unexpected one that tells nothing. */
function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const status = (error as Partial<FastifyError>).statusCode
  const kind = (Object.keys(FAULT_STATUS) as FaultKind[]).find(
    (candidate) => FAULT_STATUS[candidate] === status,
  )
  if (kind !== undefined && kind !== 'internal')
    return new Fault(kind, (error as Error).message, { cause: error })
  return new Fault('internal', UNEXPECTED, { cause: error })
}

/** The request id a caller sent of its own (`X-OpenStack-Request-ID` of another service), when it is well formed. */
export function globalRequestId(request: HttpRequest): string | undefined {
  const sent = request.headers['x-openstack-request-id']
  return typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : undefined
}
