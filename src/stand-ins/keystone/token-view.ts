/** A token as Keystone shows it: `{"token": {...}}`. */
import { readCatalog } from './catalog.ts'
import type { Store } from './store.ts'
import type { ProjectRow } from './tables.ts'
import type { ValidToken } from './tokens.ts'

/** Keystone's times have microseconds. */
export const isoTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z')

const named = ({ id, name }: { readonly id: string; readonly name: string }) => ({ id, name })

/** The body of a token. `publicUrl` fills the catalog's URLs; without it there is no catalog in the body. */
export async function tokenView(
  store: Store,
  token: ValidToken,
  publicUrl: string | undefined,
): Promise<object> {
  const { claims, user, userDomain, project, projectDomain, domain, roles, applicationCredential } = token
  const isScoped = roles.length > 0
  return {
    token: {
      methods: claims.methods,
      user: { ...named(user), domain: named(userDomain), password_expires_at: null },
      audit_ids: claims.auditIds,
      expires_at: isoTime(claims.expiresAt),
      issued_at: isoTime(claims.issuedAt),
      ...(project &&
        projectDomain && { project: { ...named(project), domain: named(projectDomain) }, is_domain: false }),
      ...(domain && { domain: named(domain) }),
      ...(claims.system && { system: { all: true } }),
      ...(isScoped && { roles: roles.map(named) }),
      ...(isScoped && publicUrl !== undefined && { catalog: await catalogOf(store, project, publicUrl) }),
      ...(applicationCredential && {
        application_credential: {
          ...named(applicationCredential),
          restricted: applicationCredential.unrestricted === 0,
        },
      }),
    },
  }
}

/** The catalog that a token for the project sees. */
export const catalogOf = (store: Store, project: ProjectRow | undefined, publicUrl: string) =>
  readCatalog(store, { public_url: publicUrl, ...(project && { project_id: project.id }) })
