/** Keystone, as far as Kilonova needs it: validate a caller's token, have tokens of one's own, know the catalog. */
import type { RequestContext } from '#model/request-context.ts'

/** A validated token. */
export interface TokenInfo {
  readonly userId: string
  readonly userName?: string | null
  readonly userDomainId: string | null
  readonly projectId: string | null
  readonly projectName?: string | null
  readonly projectDomainId: string | null
  readonly domainId: string | null
  readonly systemScope: 'all' | null
  readonly roles: readonly string[]
  readonly expiresAt: number
  /** All that an application credential may be used for; undefined: no such bounds. */
  readonly accessRules?: readonly AccessRule[]
}

/** A request that a token may be used for. In the path, `*` and `{name}` stand for a segment, `**` for any number of them. */
export interface AccessRule {
  /** A type of the catalog. */
  readonly service: string
  readonly method: string
  readonly path: string
}

export interface ValidateOptions {
  /** A token that is past its end is valid too, for as long after it as Keystone says (`allow_expired_window`). */
  readonly allowExpired?: boolean
}

export interface Identity {
  /** Undefined when the token is unknown, revoked or expired. Cached for at most `token_cache_time`. */
  validate(token: string, options?: ValidateOptions): Promise<TokenInfo | undefined>
}

export interface Projects {
  /** False when Keystone has no such project; true also when Keystone does not tell. */
  exists(projectId: string): Promise<boolean>
}

/** Limits by resource name, as Keystone's unified limits have them; -1 is none. What is not there is not limited there. */
export interface UnifiedLimits {
  /** For those for whom nothing else was set. */
  registered(): Promise<Readonly<Record<string, number>>>
  /** What was set for a project. */
  ofProject(projectId: string): Promise<Readonly<Record<string, number>>>
}

/** A session of one of Kilonova's own service users: a token when one is needed, renewed before it ends. */
export interface ServiceSession {
  /** `X-Auth-Token` of the service user. */
  headers(): Promise<Readonly<Record<string, string>>>
  /** The URL of a service of the catalog, without a trailing slash. */
  endpoint(serviceType: string, interfaceName: 'public' | 'internal' | 'admin'): Promise<string>
  /** Forgets the token, after a 401. */
  invalidate(): void
}

export const contextOf = (token: TokenInfo, requestId: string): RequestContext => ({
  requestId,
  userId: token.userId,
  userName: token.userName ?? null,
  projectId: token.projectId,
  projectName: token.projectName ?? null,
  userDomainId: token.userDomainId,
  projectDomainId: token.projectDomainId,
  domainId: token.domainId,
  systemScope: token.systemScope,
  roles: token.roles,
})
