/** What the API's older routes ask of another service in the caller's name, whose own documents come back as they are. */

export interface PassedRequest {
  readonly service: 'image' | 'network'
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the service's version: `images/…`, `floatingips?…`. */
  readonly path: string
  readonly json?: unknown
}

export type Document = Readonly<Record<string, unknown>>

export interface PassThrough {
  /** Throws the service's own refusal as a Fault with its message (and Neutron's error type as `code`), `unavailable` when it does not answer. */
  ask(request: PassedRequest, caller: { readonly token: string }): Promise<Document>
}
