/** Who a caller is: by a Keystone token, or, where that is configured for tests, by the caller's own word. */
import { Fault } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { contextOf, type Identity } from '#neighbours/identity/port.ts'

/** Finds out who asks; throws `unauthorized`. */
export type Authenticate = (request: HttpRequest) => Promise<RequestContext>

/** By the token in `X-Auth-Token`. `wwwAuthenticateUri` is where callers get one, told to those without. */
export function byKeystone(identity: Identity, wwwAuthenticateUri: string | undefined): Authenticate {
  const where = wwwAuthenticateUri === undefined ? 'Keystone' : `Keystone uri="${wwwAuthenticateUri}"`
  return async (request) => {
    const token = tokenOf(request)
    const info = token === undefined ? undefined : await identity.validate(token)
    if (info) return contextOf(info, request.id)
    throw new Fault('unauthorized', 'The request you have made requires authentication.', {
      headers: { 'www-authenticate': where },
    })
  }
}

/**
 * `[api] auth_strategy = noauth2`: the token is `USER:PROJECT`, nothing is checked, and the user `admin` is
 * an admin. `X-Roles` names other roles.
 */
export const byOwnWord: Authenticate = async (request) => {
  const token = tokenOf(request)
  if (token === undefined) throw new Fault('unauthorized', 'The request you have made needs X-Auth-Token.')
  const [userId = '', ...rest] = token.split(':')
  const roles = request.headers['x-roles']
  return {
    requestId: request.id,
    userId,
    projectId: rest.join(':') || userId,
    roles: typeof roles === 'string' ? roles.split(',') : userId === 'admin' ? ['admin'] : [],
  }
}

function tokenOf(request: HttpRequest): string | undefined {
  const token = request.headers['x-auth-token']
  return typeof token === 'string' && token !== '' ? token : undefined
}
