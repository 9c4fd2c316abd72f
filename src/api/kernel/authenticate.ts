/** Who asks: the caller's token, validated by Keystone, as the context that goes with the request everywhere. */
import type { HttpRequest } from '#lib/http/index.ts'
import { globalRequestId } from '#lib/http/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { type AccessRule, contextOf, type Identity } from '#neighbours/identity/port.ts'
import { unauthenticated } from './faults.ts'

export interface Caller {
  readonly context: RequestContext
  readonly token: string
}

/** What makes a token a service's (`[keystone_authtoken] service_token_roles`, `service_token_roles_required`). */
export interface ServiceTokens {
  readonly roles: readonly string[]
  /** A token beside the caller's that has none of the roles is no good. */
  readonly required: boolean
}

export interface Authentication {
  readonly identity: Identity
  /** Where callers without a token are sent. */
  readonly authUri: string
  readonly serviceTokens: ServiceTokens
}

/**
 * The caller of a request. A missing, unknown or expired token is a 401; so is a bad token of a service beside it, and
 * a token that is bound to other requests than this. A service may go on with what a caller began before the token ended.
 */
export async function authenticate(
  request: HttpRequest,
  { identity, authUri, serviceTokens }: Authentication,
): Promise<Caller> {
  const serviceToken = headerOf(request, 'x-service-token')
  const service = serviceToken === undefined ? undefined : await identity.validate(serviceToken)
  const isService = service?.roles.some((role) => serviceTokens.roles.includes(role)) ?? false
  if (serviceToken !== undefined && (service === undefined || (serviceTokens.required && !isService)))
    throw unauthenticated(authUri)
  const token = headerOf(request, 'x-auth-token')
  const info = token === undefined ? undefined : await identity.validate(token, { allowExpired: isService })
  if (token === undefined || info === undefined) throw unauthenticated(authUri)
  if (info.accessRules && !isService && !isWithin(info.accessRules, request)) throw unauthenticated(authUri)
  const global = globalRequestId(request)
  return {
    token,
    context: {
      ...contextOf(info, request.id),
      ...(global !== undefined && { globalRequestId: global }),
      ...(service && { serviceRoles: service.roles }),
    },
  }
}

/** Whether one of the rules is for this request. */
const isWithin = (rules: readonly AccessRule[], { method, url }: HttpRequest): boolean => {
  const [path = ''] = url.split('?')
  return rules.some(
    (rule) =>
      rule.service === 'compute' && rule.method.toUpperCase() === method && patternOf(rule.path).test(path),
  )
}

/** `/v2.1/servers/*`: a segment; `**`: any number of segments; `{name}`: a segment too. */
function patternOf(path: string): RegExp {
  const source = path
    .split(/(\*\*|\*|\{[^}]*\})/)
    .map((part) =>
      part === '**'
        ? '.*'
        : part === '*' || part.startsWith('{')
          ? '[^/]+'
          : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('')
  return new RegExp(`^${source}$`)
}

function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}
