/** A route: an operation and the function that does it, and what that function is told. */
import type { Behaviours, Operation, View } from '#lib/versioned/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { Target } from '#policy/index.ts'
import type { Links } from './links.ts'

/** One request, checked: what a handler knows. */
export interface Call<Body, Query, Flag extends PropertyKey> {
  readonly body: Body
  readonly query: Query
  readonly params: Readonly<Record<string, string>>
  readonly context: RequestContext
  /** The caller's own token, for neighbours that decide by the caller's rights. */
  readonly token: string
  /** The named behaviours of the operation: which are on for this request. */
  readonly on: Readonly<Record<Flag, boolean>>
  readonly links: Links
  /** Whether the rule allows the caller; without a target, to its own project. */
  may(rule: string, target?: Target): boolean
  /** Throws the 403 when the rule does not. */
  enforce(rule: string, target?: Target): void
  readonly isAdmin: boolean
  /** The function that renders a record for this request's version. */
  render<Row, Context>(
    view: View<Row, Context>,
  ): (row: Row, context: Context) => Readonly<Record<string, unknown>>
}

export interface Answer {
  /** Left out: an empty body. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of the operation's status. */
  readonly status?: number
}

export interface Route {
  readonly operation: Operation
  readonly handle: (call: Call<unknown, unknown, string>) => Promise<Answer> | Answer
}

/** Binds an operation to what does it. */
export function serve<Body, Query, B extends Behaviours>(
  operation: Operation<Body, Query, B>,
  handle: (call: Call<Body, Query, keyof B>) => Promise<Answer> | Answer,
): Route {
  return { operation, handle: handle as unknown as Route['handle'] }
}
