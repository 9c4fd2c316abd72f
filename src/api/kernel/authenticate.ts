/** Who asks: the caller's token, validated by Keystone, as the context that goes with the request everywhere. */
import type { HttpRequest } from '#lib/http/index.ts'
import { globalRequestId } from '#lib/http/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { contextOf, type Identity } from '#neighbours/identity/port.ts'
import { unauthenticated } from './faults.ts'

export interface Caller {
  readonly context: RequestContext
  readonly token: string
}

/** The caller of a request. A missing, unknown or expired token is a 401; so is a bad token of a service beside it. */
export async function authenticate(
  request: HttpRequest,
  identity: Identity,
  authUri: string,
): Promise<Caller> {
  const token = headerOf(request, 'x-auth-token')
  const info = token === undefined ? undefined : await identity.validate(token)
  if (token === undefined || info === undefined) throw unauthenticated(authUri)
  const serviceToken = headerOf(request, 'x-service-token')
  const service = serviceToken === undefined ? undefined : await identity.validate(serviceToken)
  if (serviceToken !== undefined && service === undefined) throw unauthenticated(authUri)
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

function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}
