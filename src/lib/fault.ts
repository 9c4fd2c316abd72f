/**
 * Faults: what went wrong, as a kind and a message for a person. A kind becomes an HTTP status and a
 * body in one place (`lib/http`); handlers never catch to translate. An error keeps its `cause`, and
 * a message never repeats it.
 */

export const FAULT_STATUS = {
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  conflict: 409,
  gone: 410,
  preconditionFailed: 412,
  tooLarge: 413,
  uriTooLong: 414,
  unsupportedMediaType: 415,
  tooManyRequests: 429,
  internal: 500,
  notImplemented: 501,
  badGateway: 502,
  unavailable: 503,
} as const

export type FaultKind = keyof typeof FAULT_STATUS

export interface FaultDetails {
  readonly cause?: unknown
  /** A machine-read code for APIs that have one (Placement's `placement.concurrent_update`, Neutron's `OverQuota`). */
  readonly code?: string
  readonly headers?: Readonly<Record<string, string>>
}

export class Fault extends Error {
  readonly kind: FaultKind
  readonly code: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(kind: FaultKind, message: string, details: FaultDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Fault'
    this.kind = kind
    this.code = details.code
    this.headers = details.headers ?? {}
  }

  get status(): number {
    return FAULT_STATUS[this.kind]
  }
}

export const isFault = (error: unknown, ...kinds: FaultKind[]): error is Fault =>
  error instanceof Fault && (kinds.length === 0 || kinds.includes(error.kind))

export const badRequest = (message: string, details?: FaultDetails) =>
  new Fault('badRequest', message, details)
export const notFound = (message: string, details?: FaultDetails) => new Fault('notFound', message, details)
export const conflict = (message: string, details?: FaultDetails) => new Fault('conflict', message, details)
export const forbidden = (message: string, details?: FaultDetails) => new Fault('forbidden', message, details)
