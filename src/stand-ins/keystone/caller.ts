/** Who calls Keystone, and whether they may. */
import type { HttpRequest } from '#lib/http/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { Policy, Target } from '#policy/index.ts'
import { notPermitted, unauthorized } from './faults.ts'
import type { Tokens, ValidToken } from './tokens.ts'

export interface Caller {
  readonly token: ValidToken
  readonly context: RequestContext
  /** Throws a `forbidden` fault when the caller may not. */
  enforce(action: string, target?: Target): void
  allows(action: string, target?: Target): boolean
}

/** Validates the request's `X-Auth-Token`. Throws an `unauthorized` fault. */
export async function callerOf(request: HttpRequest, tokens: Tokens, policy: Policy): Promise<Caller> {
  const sent = request.headers['x-auth-token']
  const token = typeof sent === 'string' ? await tokens.validate(sent) : undefined
  if (token === undefined) throw unauthorized()
  const context = contextOf(token, request.id)
  const allows = (action: string, target: Target = {}) => policy.allows(action, context, target)
  return {
    token,
    context,
    allows,
    enforce(action, target) {
      if (!allows(action, target)) throw notPermitted(action)
    },
  }
}

const contextOf = (token: ValidToken, requestId: string): RequestContext => ({
  requestId,
  userId: token.user.id,
  userDomainId: token.user.domain_id,
  projectId: token.project?.id ?? null,
  projectDomainId: token.project?.domain_id ?? null,
  domainId: token.domain?.id ?? null,
  systemScope: token.claims.system ? 'all' : null,
  roles: token.roles.map((role) => role.name),
})
