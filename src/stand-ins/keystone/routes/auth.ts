/** `/v3/auth`: issuing, validating and revoking tokens, and what a token's bearer may ask about itself. */
import { badRequest, Fault } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import { Type } from '@sinclair/typebox'
import { optional, readBody } from '../body.ts'
import { authenticate, IdentitySchema } from '../credentials.ts'
import { missing, unauthorized } from '../faults.ts'
import { ScopeSchema, scopeOf } from '../scope.ts'
import { catalogOf, tokenView } from '../token-view.ts'
import type { ValidToken } from '../tokens.ts'
import { flag, listOf, type Routes } from './context.ts'
import { domainResource, projectResource } from './projects.ts'

const AuthSchema = Type.Object({
  auth: Type.Object({ identity: IdentitySchema, scope: optional(ScopeSchema) }),
})

/** How long after its end a service may still have a token vouched for (`allow_expired_window`). */
const EXPIRED_WINDOW_MS = 2 * 24 * 3_600_000

export function addAuthRoutes(routes: Routes): void {
  addTokenRoutes(routes)
  addOwnRoutes(routes)
}

function addTokenRoutes(routes: Routes): void {
  const { app, store, tokens, clock } = routes
  app.post('/v3/auth/tokens', async (request, reply) => {
    const { auth } = readBody(AuthSchema, request.body)
    const who = await authenticate(auth.identity, { store, tokens, now: clock.now() })
    const scope = await scopeOf(store, who, auth.scope)
    const lifeEnd = clock.now() + routes.tokenLifeMs
    const expiresAt = Math.min(lifeEnd, who.expiresAt ?? lifeEnd)
    const issued = await tokens.issue(
      { userId: who.user.id, methods: who.methods, expiresAt, ...scope },
      who.parentAuditId,
    )
    if (issued === undefined) throw unauthorized()
    const body = await tokenView(
      store,
      issued.token,
      flag(request, 'nocatalog') ? undefined : routes.publicUrl(),
    )
    return reply.code(201).headers({ 'x-subject-token': issued.text, vary: 'X-Auth-Token' }).send(body)
  })

  const validate = (action: string) => async (request: HttpRequest) => {
    const caller = await routes.caller(request)
    // Only those who may validate anybody's token may ask about one that has ended.
    const window = flag(request, 'allow_expired') && caller.allows(action) ? EXPIRED_WINDOW_MS : 0
    const { text, token } = await subjectOf(routes, request, window)
    caller.enforce(action, { user_id: token.user.id })
    return { text, token }
  }
  const check = validate('identity:check_token')
  const show = validate('identity:validate_token')
  app.get('/v3/auth/tokens', async (request, reply) => {
    const { text, token } = await show(request)
    const body = await tokenView(store, token, flag(request, 'nocatalog') ? undefined : routes.publicUrl())
    return reply.headers({ 'x-subject-token': text, vary: 'X-Auth-Token' }).send(body)
  })
  app.head('/v3/auth/tokens', async (request, reply) => {
    const { text } = await check(request)
    return reply.headers({ 'x-subject-token': text, vary: 'X-Auth-Token' }).send()
  })
  app.delete('/v3/auth/tokens', async (request, reply) => {
    const caller = await routes.caller(request)
    const { token } = await subjectOf(routes, request, 0)
    caller.enforce('identity:revoke_token', { user_id: token.user.id })
    await tokens.revoke(token.claims)
    return reply.code(204).send()
  })
}

async function subjectOf(
  routes: Routes,
  request: HttpRequest,
  window: number,
): Promise<{ text: string; token: ValidToken }> {
  const text = request.headers['x-subject-token']
  if (typeof text !== 'string') throw badRequest('The X-Subject-Token header is missing.')
  const token = await routes.tokens.validate(text, window)
  if (token === undefined) throw missing('token', 'that was given')
  return { text, token }
}

function addOwnRoutes(routes: Routes): void {
  const { app, store } = routes
  app.get('/v3/auth/catalog', async (request) => {
    const { token } = await routes.caller(request)
    if (token.roles.length === 0) throw new Fault('forbidden', 'An unscoped token has no catalog.')
    return listOf(routes, request, 'catalog', await catalogOf(store, token.project, routes.publicUrl()))
  })
  app.get('/v3/auth/projects', async (request) => {
    const { token } = await routes.caller(request)
    return listOf(routes, request, 'projects', await projectsOf(routes, token.user.id))
  })
  app.get('/v3/auth/domains', async (request) => {
    const { token } = await routes.caller(request)
    const ids = (await store.targetsOf(token.user.id)).flatMap((target) =>
      target.type === 'domain' ? [target.id] : [],
    )
    const rows = await Promise.all(ids.map((id) => store.findDomain(id)))
    const enabled = rows.flatMap((row) => (row?.enabled === 1 ? [domainResource.view(row, routes)] : []))
    return listOf(routes, request, 'domains', enabled)
  })
  app.get('/v3/auth/system', async (request) => {
    const { token } = await routes.caller(request)
    const targets = await store.targetsOf(token.user.id)
    const system = targets.some((target) => target.type === 'system') ? [{ all: true }] : []
    return listOf(routes, request, 'system', system)
  })
}

/** Enabled projects in which the user has a role. */
export async function projectsOf(routes: Routes, userId: string): Promise<object[]> {
  const ids = (await routes.store.targetsOf(userId)).flatMap((target) =>
    target.type === 'project' ? [target.id] : [],
  )
  const rows = await Promise.all(ids.map((id) => routes.store.findProject(id)))
  return rows
    .flatMap((row) => (row?.enabled === 1 ? [row] : []))
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((row) => projectResource.view(row, routes))
}
