/** Who calls, and what Neutron's default policy lets them do. */
import { Fault, forbidden } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import type { Identity } from '#neighbours/identity/port.ts'

export interface NeutronCaller {
  /** Empty for a token without a project. */
  readonly projectId: string
  readonly isAdmin: boolean
  readonly mayWrite: boolean
}

const WRITERS = new Set(['admin', 'manager', 'member', 'service'])
const ADMINS = new Set(['admin', 'service'])

/** Reads and checks the request's token. Throws 401 without a valid one. */
export async function authenticate(identity: Identity, request: HttpRequest): Promise<NeutronCaller> {
  const header = request.headers['x-auth-token']
  const token = typeof header === 'string' && header !== '' ? await identity.validate(header) : undefined
  if (!token) throw new Fault('unauthorized', 'The request you have made requires authentication.')
  return {
    projectId: token.projectId ?? '',
    isAdmin: token.roles.some((role) => ADMINS.has(role)),
    mayWrite: token.roles.some((role) => WRITERS.has(role)),
  }
}

/** The refusal of a policy rule (`create_network:shared`), in Neutron's words. */
export const refusedBy = (rule: string) =>
  forbidden(`rule:${rule} is disallowed by policy`, { code: 'PolicyNotAuthorized' })

export function requireWriter(caller: NeutronCaller, rule: string): void {
  if (!caller.mayWrite) throw refusedBy(rule)
}

export function requireAdmin(caller: NeutronCaller, rule: string): void {
  if (!caller.isAdmin) throw refusedBy(rule)
}
