/** The API as an app: tokens, versions, bodies and methods are seen to here, so that endpoints need not. */
import { badRequest, Fault, forbidden, isFault } from '#lib/fault.ts'
import { createHttpApp, type HttpApp, type HttpReply, type HttpRequest } from '#lib/http/index.ts'
import type { Log } from '#lib/log.ts'
import { formatVersion, includes, readQuery, type Problem, type Version } from '#lib/versioned/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { getProvider, type Trx } from '../db/providers.ts'
import type { PlacementTables } from '../db/tables.ts'
import type { Authenticate } from './authentication.ts'
import { addCors, type CorsOptions } from './cors.ts'
import { type Answer, canonicalUuid, type Endpoint, type Scope } from './endpoint.ts'
import { renderFault } from './faults.ts'
import { requestedVersion, SAYS_FRESHNESS } from './version.ts'

export interface ServeOptions {
  readonly scope: Scope
  readonly authenticate: Authenticate
  readonly log: Log
  readonly endpoints: readonly Endpoint[]
  readonly maxBodyBytes: number
  readonly cors: CorsOptions | undefined
}

/** What is known of a request before its endpoint runs. */
interface Arrival {
  version?: Version
  context?: RequestContext
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const

export function servePlacement(options: ServeOptions): HttpApp {
  const arrivals = new WeakMap<HttpRequest, Arrival>()
  const app = createHttpApp({
    log: options.log,
    ids: options.scope.ids,
    maxBodyBytes: options.maxBodyBytes,
    renderFault: (fault, request) => renderFault(fault, arrivals.get(request)?.version, request.id),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  if (options.cors) addCors(app, options.cors)
  app.addHook('onRequest', async (request, reply) => {
    const arrival: Arrival = {}
    arrivals.set(request, arrival)
    if (!isRoot(request)) arrival.context = await options.authenticate(request)
    arrival.version = requestedVersion(request.headers['openstack-api-version'])
    reply.header('openstack-api-version', `placement ${formatVersion(arrival.version)}`)
    reply.header('vary', 'openstack-api-version')
    if (!request.headers['content-type']) {
      // An empty one is none.
      delete request.headers['content-type']
      if (Number(request.headers['content-length'] ?? 0) > 0)
        throw badRequest('content-type header required when content-length > 0')
    }
  })
  app.addHook('onSend', async (_request, reply) => {
    // Fastify names a charset, which JSON has none of.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8')
      reply.header('content-type', 'application/json')
  })
  const byPath = Map.groupBy(options.endpoints, (each) => each.operation.path)
  for (const [path, endpoints] of byPath) addPath(app, options, arrivals, path, endpoints)
  return app
}

const pathOf = ({ url }: HttpRequest): string => url.split('?', 1)[0] ?? ''

const isRoot = (request: HttpRequest): boolean => ['', '/'].includes(pathOf(request))

function addPath(
  app: HttpApp,
  options: ServeOptions,
  arrivals: WeakMap<HttpRequest, Arrival>,
  path: string,
  endpoints: readonly Endpoint[],
): void {
  const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
  const byMethod = Map.groupBy(endpoints, (each) => each.operation.method)
  for (const [method, ofMethod] of byMethod) {
    app.route({
      method,
      url,
      handler: (request, reply) => run(options, arrivals.get(request) ?? {}, ofMethod, request, reply),
    })
  }
  const allow = [...byMethod.keys()].join(', ')
  app.route({
    method: METHODS.filter((method) => !byMethod.has(method)),
    url,
    handler: (request) => {
      paramsOf(request)
      throw methodNotAllowed(allow)
    },
  })
}

const methodNotAllowed = (allow: string): Fault =>
  new Fault('methodNotAllowed', 'The method specified is not allowed for this resource.', {
    headers: { allow },
  })

async function run(
  options: ServeOptions,
  { version = 0, context }: Arrival,
  endpoints: readonly Endpoint[],
  request: HttpRequest,
  reply: HttpReply,
): Promise<HttpReply> {
  const params = paramsOf(request)
  const endpoint = endpoints.find(({ operation }) => includes(operation.range, version))
  if (!endpoint) throw absent(endpoints)
  const { scope } = options
  const { operation } = endpoint
  // Where there is nothing to read, or it is for everybody, it does not matter what is accepted.
  if (operation.method === 'GET' && operation.policy !== undefined && operation.statusAt(version) === 200)
    checkAccept(request)
  if (operation.bodySchemaAt(version) !== undefined) requireJson(request)
  const query = readQuery(queryText(request))
  const caller = context ?? NOBODY
  const { policy } = operation
  if (policy !== undefined && !scope.policy(policy, caller, endpoint.target(query)))
    throw forbidden(`Policy does not allow ${policy} to be performed.`)
  refuseOtherEncodings(queryText(request))
  const answer = await endpoint.handle({
    scope,
    context: caller,
    params,
    body: await bodyOf(scope, endpoint, version, request),
    query: checkedQuery(endpoint, version, query),
    behaviours: operation.behavioursAt(version),
    show: (view, row, viewContext) => view.at(version)(row, viewContext),
    write: <T>(work: (trx: Trx, now: number) => Promise<T>) =>
      scope.database.transaction<PlacementTables, T>((trx) => work(trx, scope.clock.now())),
  })
  const place = originOf(request, scope.options.trustsProxy)
  return send(scope, version, operation.statusAt(version), answer, reply, place)
}

const NOBODY: RequestContext = { requestId: '', userId: '', projectId: null, roles: [] }

function absent(endpoints: readonly Endpoint[]): Fault {
  return endpoints.some((each) => each.absentAs === 'methodNotAllowed')
    ? methodNotAllowed('GET, POST, PUT')
    : new Fault('notFound', 'The resource could not be found.')
}

/** What the path names. Throws `notFound` where a part of it is empty, its last too. */
function paramsOf(request: HttpRequest): Record<string, string> {
  const params = Object.entries(request.params as Record<string, string>)
  const endsInSlash = pathOf(request).endsWith('/') && !isRoot(request)
  if (endsInSlash || params.some(([, value]) => value === '' || value.includes('\0')))
    throw new Fault('notFound', 'The resource could not be found.')
  return Object.fromEntries(
    params.map(([name, value]) => [name, name.endsWith('uuid') ? canonicalUuid(value) : value]),
  )
}

const ANSWERED = ['application/json', 'application/*', '*/*'] as const

/** The entry that is nearest to what we answer with decides; `q=0` is a refusal. */
function checkAccept(request: HttpRequest): void {
  const accept = request.headers.accept
  if (accept === undefined || accept === '') return
  const entries = accept.split(',').map((entry) => {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    return { type, refused: parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) }
  })
  const [nearest] = ANSWERED.flatMap((type) => entries.find((entry) => entry.type === type) ?? [])
  if (nearest === undefined || nearest.refused)
    throw new Fault('notAcceptable', 'Only application/json is provided')
}

function requireJson(request: HttpRequest): void {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json')
    throw new Fault(
      'unsupportedMediaType',
      `The media type ${type ?? 'None'} is not supported, use application/json`,
    )
}

/** A body that cannot be read is no matter where the provider that it is for is not there. */
async function bodyOf(
  scope: Scope,
  endpoint: Endpoint,
  version: Version,
  request: HttpRequest,
): Promise<unknown> {
  try {
    return readBody(endpoint, version, request)
  } catch (error) {
    const { uuid } = paramsOf(request)
    if (endpoint.looksFirst && uuid !== undefined && isFault(error, 'badRequest'))
      await getProvider(scope.db, uuid)
    throw error
  }
}

function readBody({ operation }: Endpoint, version: Version, request: HttpRequest): unknown {
  if (operation.bodySchemaAt(version) === undefined) return undefined
  const text = typeof request.body === 'string' ? request.body : ''
  const body = parseJson(text)
  const problem = operation.checkBody(version, body, { strip: false })
  if (problem) throw badRequest(`JSON does not validate: ${sentenceOf(problem)}`)
  return body
}

function parseJson(text: string): unknown {
  // PostgreSQL cannot hold it, and no name needs it.
  if (text.includes('\\u0000') || text.includes('\0'))
    throw badRequest('Malformed JSON: the NUL character is not allowed')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`Malformed JSON: ${(error as Error).message}`, { cause: error })
  }
}

type Query = Readonly<Record<string, readonly string[]>>

const queryText = (request: HttpRequest): string => request.url.split('?').slice(1).join('?')

/** What is not UTF-8 would be read as some replacement character. */
function refuseOtherEncodings(text: string): void {
  if (!(text.match(/(?:%[0-9a-f]{2})+/gi) ?? []).every(isUtf8))
    throw badRequest('Invalid query string parameters: they are not encoded in UTF-8')
}

function isUtf8(encoded: string): boolean {
  try {
    return decodeURIComponent(encoded) !== ''
  } catch {
    return false
  }
}

function checkedQuery({ operation }: Endpoint, version: Version, query: Query): Query {
  if (
    Object.entries(query).some(
      ([name, values]) => name.includes('\0') || values.some((value) => value.includes('\0')),
    )
  )
    throw badRequest('Invalid query string parameters: the NUL character is not allowed')
  if (operation.querySchemaAt(version) === undefined) return {}
  const problem = operation.checkQuery(version, query)
  if (problem) throw badRequest(`Invalid query string parameters: ${sentenceOf(problem)}`)
  return query
}

function sentenceOf({ path, message }: Problem): string {
  const where = path.map((step) => `['${step}']`).join('')
  return where === '' ? message : `${message}, at ${where}`
}

/** Where the caller found us. Clients follow `Location` from there, wherever we are mounted. */
function originOf({ headers }: HttpRequest, trustsProxy: boolean): string {
  const told = trustsProxy ? headers['x-forwarded-proto'] : undefined
  return headers.host === undefined ? '' : `${told === 'https' ? 'https' : 'http'}://${headers.host}`
}

function send(
  { options, clock }: Scope,
  version: Version,
  status: number,
  answer: Answer,
  reply: HttpReply,
  origin: string,
): HttpReply {
  reply.code(answer.status ?? status)
  if (answer.location !== undefined)
    reply.header('location', `${origin}${options.mountPath}${answer.location}`)
  const json = answer.json ?? (answer.body === undefined ? undefined : JSON.stringify(answer.body))
  const dated = json !== undefined || answer.lastModified !== undefined
  if (dated && version >= SAYS_FRESHNESS) {
    if (answer.lastModified !== null)
      reply.header('last-modified', new Date(answer.lastModified ?? clock.now()).toUTCString())
    reply.header('cache-control', 'no-cache')
  }
  if (json === undefined) return reply.send()
  // An answer that breaks off is never finished: nobody knows who may still look at it then.
  if (answer.onSent) reply.raw.once('finish', answer.onSent)
  return reply.type('application/json').send(json)
}
