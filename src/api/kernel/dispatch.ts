/**
 * The way of a request through the API, in Nova's order: token, path, version, content type, action,
 * body, project of the path, schema, policy, and then the handler.
 */
import { badRequest } from '#lib/fault.ts'
import { type HttpReply, type HttpRequest, nameRoute } from '#lib/http/index.ts'
import { formatVersion, includes, readQuery, type Version } from '#lib/versioned/index.ts'
import type { Policy } from '#policy/index.ts'
import { authenticate, type Authentication, type Caller } from './authenticate.ts'
import { actionOf, checkContentType, readBody } from './body.ts'
import { misfit, notAtThisVersion, unmatched } from './faults.ts'
import { linksOf } from './links.ts'
import {
  askedVersion,
  LEGACY_VERSION,
  LEGACY_VERSION_HEADER,
  MIN_VERSION,
  requireSpoken,
  VERSION_HEADER,
} from './negotiate.ts'
import { createRouter, type Match } from './router.ts'
import type { Answer, Call, Route } from './route.ts'

export interface DispatchOptions extends Authentication {
  readonly routes: readonly Route[]
  readonly policy: Policy
  /** The start of links; the request's own host when null (`[api] compute_link_prefix`). */
  readonly linkPrefix: string | null
}

/** A request's path, taken apart. */
interface Target {
  readonly version: 'v2.1' | 'v2'
  readonly segments: readonly string[]
  readonly query: string
}

/** Answers a request below `/v2.1/` or `/v2/`. */
export type Dispatch = (target: Target, request: HttpRequest, reply: HttpReply) => Promise<void>

const PROJECT_ID = /^[0-9a-f-]+$/

export function createDispatch(options: DispatchOptions): Dispatch {
  const router = createRouter(options.routes)

  /** The project id in the path is optional, so a first segment that could be one is tried as one. */
  function findRoutes(
    method: string,
    segments: readonly string[],
  ): { match: Match; project: string | undefined } {
    const whole = router.match(method, segments)
    if (whole) return { match: whole, project: undefined }
    const [project = '', ...rest] = segments
    const match = PROJECT_ID.test(project) ? router.match(method, rest) : undefined
    if (!match) throw unmatched()
    return { match, project }
  }

  return async (target, request, reply) => {
    const caller = await authenticate(request, options)
    const { match, project } = findRoutes(request.method, target.segments)
    const legacy = target.version === 'v2'
    const version = legacy ? MIN_VERSION : speakVersion(request, reply)
    checkContentType(request.headers['content-type'])
    if (/%00/.test(request.url)) throw badRequest('Malformed request url')
    const { route, body } = choose(match, version, request.body)
    nameRoute(request, routeNameOf(route))
    if (project !== undefined && project !== caller.context.projectId)
      throw badRequest('Malformed request url')
    const query = readQuery(target.query)
    const schemaVersion = legacy ? LEGACY_VERSION : version
    checkShape(route, schemaVersion, body, query, legacy)
    const root = options.linkPrefix ?? `${request.protocol}://${request.host}`
    const links = linksOf({ root, version: target.version, project, query: target.query })
    const call = callOf({ route, version, body, query, match, caller, policy: options.policy, links })
    if (route.operation.policy !== undefined) call.enforce(route.operation.policy)
    send(reply, route.operation.statusAt(version), await route.handle(call))
  }
}

/** As metrics tell it: actions of one path apart. */
const routeNameOf = ({ operation: { path, action } }: Route): string =>
  action === undefined ? path : `${path}#${action}`

/** The route for this version and action, and the body, which is read for its action only where there is one. */
function choose(match: Match, version: Version, raw: unknown): { route: Route; body: unknown } {
  const byAction = match.routes.some((route) => route.operation.action !== undefined)
  const early = byAction ? readBody(raw) : undefined
  const action = byAction ? actionOf(early) : undefined
  const named = match.routes.filter((route) => route.operation.action === action)
  if (action !== undefined && named.length === 0) throw badRequest(`There is no such action: ${action}`)
  const route = named.find((candidate) => includes(candidate.operation.range, version))
  if (!route) throw notAtThisVersion()
  return { route, body: byAction ? early : readBody(raw) }
}

function checkShape(route: Route, version: Version, body: unknown, query: unknown, strip: boolean): void {
  const { operation } = route
  const bodyProblem = operation.checkBody(version, body ?? null, { strip })
  if (bodyProblem) throw misfit(bodyProblem, 'field/attribute')
  const queryProblem = operation.checkQuery(version, query)
  if (queryProblem) throw misfit(queryProblem, 'query parameters')
}

interface Parts {
  readonly route: Route
  readonly version: Version
  readonly body: unknown
  readonly query: unknown
  readonly match: Match
  readonly caller: Caller
  readonly policy: Policy
  readonly links: Call<unknown, unknown, string>['links']
}

function callOf({
  route,
  version,
  body,
  query,
  match,
  caller,
  policy,
  links,
}: Parts): Call<unknown, unknown, string> {
  const { context, token } = caller
  return {
    body,
    query,
    params: match.params,
    context,
    token,
    links,
    on: route.operation.behavioursAt(version),
    may: (rule, target) => policy.allows(rule, context, target),
    enforce: (rule, target) => policy.enforce(rule, context, target),
    isAdmin: policy.isAdmin(context),
    render: (view) => view.at(version),
  }
}

/** Negotiates the version, and says in the answer's headers which it is, whatever comes of the request: also of its refusal. */
export function speakVersion(request: HttpRequest, reply: HttpReply): Version {
  const version = askedVersion(request.headers)
  const text = formatVersion(version)
  reply.header(VERSION_HEADER, `compute ${text}`)
  reply.header(LEGACY_VERSION_HEADER, text)
  reply.header('Vary', [VERSION_HEADER, LEGACY_VERSION_HEADER])
  requireSpoken(version)
  return version
}

/** Sends JSON as bytes: of a string Fastify would change the content type. */
export function sendJson(reply: HttpReply, status: number, body: unknown): HttpReply {
  const text = body === undefined ? '' : JSON.stringify(body)
  return reply.code(status).header('content-type', 'application/json').send(Buffer.from(text))
}

function send(reply: HttpReply, status: number, answer: Answer): void {
  if (answer.headers) reply.headers(answer.headers)
  sendJson(reply, answer.status ?? status, answer.body)
}
