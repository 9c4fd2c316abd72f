/** What an endpoint of the API is: an operation with its versions, and the function that does it. */
import type { Log } from '#lib/log.ts'
import type { Clock } from '#lib/clock.ts'
import { badRequest } from '#lib/fault.ts'
import { isUuidLike, type Ids } from '#lib/ids.ts'
import type { Behaviours, Operation, View } from '#lib/versioned/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { Database } from '#db/kit/index.ts'
import type { Db, Trx } from '../db/providers.ts'
import type { ClaimQueue } from '../db/claim-queue.ts'
import type { Desk } from '../candidates/desk.ts'
import type { Engine } from '../engine/engine.ts'
import type { PolicyCheck, PolicyTarget } from '../policy.ts'

export interface PlacementOptions {
  /** Owners of consumers that were written before owners had to be named. */
  readonly incompleteConsumerProjectId: string
  readonly incompleteConsumerUserId: string
  /** The path the API is mounted at, which links begin with: '' or '/placement'. */
  readonly mountPath: string
  /** `X-Forwarded-Proto` says how callers came. */
  readonly trustsProxy: boolean
}

/** What endpoints work with. */
export interface Scope {
  readonly db: Db
  readonly database: Database
  readonly engine: Engine
  readonly claims: ClaimQueue
  readonly desk: Desk
  /** Set: candidates come in an order by chance. */
  readonly random: (() => number) | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly policy: PolicyCheck
  readonly options: PlacementOptions
}

export interface Call<Body, Query, B extends Behaviours> {
  readonly scope: Scope
  readonly context: RequestContext
  /** Of the path, uuids in their canonical form. */
  readonly params: Readonly<Record<string, string>>
  readonly body: Body
  readonly query: Query
  readonly behaviours: Readonly<Record<keyof B, boolean>>
  /** How a record looks at the version of the request. */
  show<Row, Context>(view: View<Row, Context>, row: Row, context: Context): Readonly<Record<string, unknown>>
  /** Writes in a transaction, stamped with the time. */
  write<T>(work: (trx: Trx, now: number) => Promise<T>): Promise<T>
}

export interface Answer {
  /** The operation's, when left out. */
  readonly status?: number
  readonly body?: unknown
  /** The body as JSON already, in place of `body`. */
  readonly json?: Buffer
  /** The kernel has all of it: what it was written to may be used again. */
  readonly onSent?: () => void
  /** Without the mount path. */
  readonly location?: string
  /** Milliseconds since the epoch; null: nothing there could have been; left out: now, for answers with a body. */
  readonly lastModified?: number | null | undefined
}

export interface Endpoint {
  readonly operation: Operation
  /** Whose it is that the rule is about, by the parameters as they came. */
  readonly target: (query: Readonly<Record<string, readonly string[]>>) => PolicyTarget
  /** What the path is below the operation's first version. */
  readonly absentAs: 'notFound' | 'methodNotAllowed'
  /** That the provider is not there is said before what is wrong with the body. */
  readonly looksFirst: boolean
  readonly handle: (call: Call<unknown, unknown, Behaviours>) => Promise<Answer>
}

export function endpoint<Body, Query, B extends Behaviours>(
  operation: Operation<Body, Query, B>,
  handle: (call: Call<Body, Query, B>) => Promise<Answer>,
  options: Partial<Pick<Endpoint, 'target' | 'absentAs' | 'looksFirst'>> = {},
): Endpoint {
  return {
    operation,
    target: options.target ?? (() => ({})),
    absentAs: options.absentAs ?? 'notFound',
    looksFirst: options.looksFirst ?? false,
    handle: handle as unknown as Endpoint['handle'],
  }
}

/** A uuid as it is stored: lower case, with dashes. What is none stays as it is, and will not be found. */
export function canonicalUuid(text: string): string {
  if (!isUuidLike(text)) return text
  const digits = text
    .toLowerCase()
    .replaceAll('urn:', '')
    .replaceAll('uuid:', '')
    .replaceAll(/[^0-9a-f]/g, '')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The last of a parameter's values, as the others are overwritten by it. */
export const last = (values: readonly string[] | undefined): string | undefined => values?.at(-1)

/** A parameter of the path; the route has it. */
export function param(call: { readonly params: Readonly<Record<string, string>> }, name: string): string {
  const value = call.params[name]
  if (value === undefined) throw badRequest(`${name} is missing in the path`)
  return value
}
