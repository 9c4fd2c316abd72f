/** Who calls Cinder, at which microversion, and what its default policy lets them do. */
import { badRequest, Fault, forbidden } from '#lib/fault.ts'
import type { HttpReply, HttpRequest } from '#lib/http/index.ts'
import type { Identity } from '#neighbours/identity/port.ts'

export interface Caller {
  readonly projectId: string
  readonly userId: string
  /** For the services that are asked in the caller's name. */
  readonly token: string
  readonly isAdmin: boolean
  readonly mayWrite: boolean
  /** The microversion's minor number. */
  readonly minor: number
}

const ADMINS = new Set(['admin', 'service'])
const WRITERS = new Set(['admin', 'manager', 'member', 'service'])
export const MAX_MINOR = 70

/** Reads and checks token, project and microversion. Throws 401 without a valid token. */
export async function authenticate(
  identity: Identity,
  request: HttpRequest,
  reply: HttpReply,
): Promise<Caller> {
  const header = request.headers['x-auth-token']
  const token = typeof header === 'string' && header !== '' ? header : undefined
  const info = token === undefined ? undefined : await identity.validate(token)
  if (token === undefined || info === undefined)
    throw new Fault('unauthorized', 'The request you have made requires authentication.')
  const minor = negotiate(request, reply)
  const { project_id: asked } = request.params as { project_id?: string }
  if (asked !== undefined && asked !== info.projectId) throw badRequest('Malformed request url')
  return {
    token,
    minor,
    projectId: info.projectId ?? '',
    userId: info.userId,
    isAdmin: info.roles.some((role) => ADMINS.has(role)),
    mayWrite: info.roles.some((role) => WRITERS.has(role)),
  }
}

function negotiate(request: HttpRequest, reply: HttpReply): number {
  const header = request.headers['openstack-api-version']
  const sent = /(?:^|,)\s*volume\s+([^,\s]+)/.exec(typeof header === 'string' ? header : '')?.[1] ?? '3.0'
  const minor = sent === 'latest' ? MAX_MINOR : Number(/^3\.(\d{1,3})$/.exec(sent)?.[1] ?? Number.NaN)
  if (!(minor <= MAX_MINOR))
    throw new Fault(
      'notAcceptable',
      `Version ${sent.slice(0, 32)} is not supported by the API. Minimum is 3.0 and maximum is 3.${MAX_MINOR}.`,
    )
  reply.header('openstack-api-version', `volume 3.${minor}`).header('vary', 'OpenStack-API-Version')
  return minor
}

export function requireWriter(caller: Caller, rule: string): void {
  if (!caller.mayWrite) throw refusedBy(rule)
}

export function requireAdmin(caller: Caller, rule: string): void {
  if (!caller.isAdmin) throw refusedBy(rule)
}

const refusedBy = (rule: string): Fault => forbidden(`Policy doesn't allow ${rule} to be performed.`)
