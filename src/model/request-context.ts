/** Who asks: what a validated token says, carried from the API through every message and step. */

export interface RequestContext {
  /** `req-<uuid>`: in every log line, message, step and event that came of the request. */
  readonly requestId: string
  /** The caller's own request id, when another service called. */
  readonly globalRequestId?: string
  readonly userId: string
  readonly userName?: string | null
  readonly projectId: string | null
  readonly projectName?: string | null
  readonly userDomainId?: string | null
  readonly projectDomainId?: string | null
  readonly domainId?: string | null
  /** `all` for a system-scoped token. */
  readonly systemScope?: 'all' | null
  readonly roles: readonly string[]
  /** Roles of the service token that came along, if any. */
  readonly serviceRoles?: readonly string[]
}
