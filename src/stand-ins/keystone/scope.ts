/** What a token is to be for: a project, a domain, the system, or nothing in particular. */
import { badRequest } from '#lib/fault.ts'
import { type Static, Type } from '@sinclair/typebox'
import { optional, text } from './body.ts'
import { type Authenticated, DomainRef, domainIdOf } from './credentials.ts'
import { unauthorized } from './faults.ts'
import type { TokenClaims } from './sealed-token.ts'
import type { Store } from './store.ts'

export const ScopeSchema = Type.Union([
  Type.Literal('unscoped'),
  Type.Object({
    unscoped: optional(Type.Object({})),
    project: optional(
      Type.Object({ id: optional(text()), name: optional(text()), domain: optional(DomainRef) }),
    ),
    domain: optional(DomainRef),
    system: optional(Type.Object({ all: optional(Type.Boolean()) })),
  }),
])
export type ScopeBody = Static<typeof ScopeSchema>

export type Scope = Pick<TokenClaims, 'projectId' | 'domainId' | 'system' | 'applicationCredentialId'>

/** The scope that was asked for, not yet checked for roles. Throws `unauthorized` when there is no such thing. */
export async function scopeOf(
  store: Store,
  who: Authenticated,
  asked: ScopeBody | undefined,
): Promise<Scope> {
  if (who.applicationCredential !== undefined) {
    // An application credential is for its own project; asking for another scope is refused, not ignored.
    if (asked !== undefined) throw unauthorized()
    return {
      projectId: who.applicationCredential.project_id,
      applicationCredentialId: who.applicationCredential.id,
    }
  }
  if (asked === undefined) return defaultScope(store, who)
  if (asked === 'unscoped' || asked.unscoped !== undefined) return {}
  const kinds = [asked.project, asked.domain, asked.system].filter((each) => each !== undefined)
  if (kinds.length !== 1) throw badRequest('A scope names one of project, domain and system.')
  if (asked.system !== undefined) {
    if (asked.system.all !== true) throw badRequest('The only system scope is {"all": true}.')
    return { system: true }
  }
  if (asked.domain !== undefined) {
    const domainId = await domainIdOf(store, asked.domain)
    if (domainId === undefined) throw unauthorized()
    return { domainId }
  }
  return { projectId: await projectIdOf(store, asked.project) }
}

async function projectIdOf(
  store: Store,
  sent: { id?: string; name?: string; domain?: Static<typeof DomainRef> } = {},
): Promise<string> {
  if (sent.id !== undefined) return sent.id
  const domainId = await domainIdOf(store, sent.domain)
  if (sent.name === undefined || domainId === undefined) throw unauthorized()
  const project = await store.findProjectByName(sent.name, domainId)
  if (project === undefined) throw unauthorized()
  return project.id
}

/** Without a scope: the user's default project where that can be used, else none. */
async function defaultScope(store: Store, { user }: Authenticated): Promise<Scope> {
  if (user.default_project_id === null) return {}
  const project = await store.findProject(user.default_project_id)
  if (project?.enabled !== 1) return {}
  const roles = await store.rolesOf(user.id, { type: 'project', id: project.id })
  return roles.length === 0 ? {} : { projectId: project.id }
}
