/**
 * A saga: a long operation as a table of steps that can be read aloud. Each step says what it does,
 * what undoes it, how long it may take, and (in columns of the owner's own) what the world is told.
 *
 * Two rules make crashes harmless: every `do` and `undo` is idempotent, since "begun, maybe finished" is
 * simply done again; and the undo of the step that failed runs too, since it may be half done.
 */
import type { Log } from '#lib/log.ts'

/** The types an owner of sagas fixes once for all of them. */
export interface SagaTypes {
  /** Who asked, as the journal keeps it. */
  readonly Context: unknown
  /** What steps work with: clients, clocks, options. */
  readonly World: unknown
  /** A transaction of the journal's database. */
  readonly Trx: unknown
  /** Columns of the step table. */
  readonly StepColumns: object
  /** Columns of the saga as a whole. */
  readonly SagaColumns: object
}

/** Why a step failed, as the journal keeps it. */
export interface Failure {
  readonly step: string
  /** The error's class name. */
  readonly name: string
  /** The HTTP status of its kind; 500 for what is no fault. */
  readonly code: number
  /** For a person. */
  readonly message: string
  /** The whole chain of causes. */
  readonly details: string
}

export interface StepContext<Params, Outputs, T extends SagaTypes> {
  readonly operationId: string
  /** What the operation is about: one operation works on one subject. */
  readonly subject: string
  readonly requestId: string
  readonly context: T['Context']
  readonly params: Params
  /** What the steps before this one gave. */
  readonly outputs: Outputs
  /** 1, and one more after each rewind. */
  readonly attempt: number
  /** Why the operation is being undone; null going forward, and when it was cancelled. */
  readonly failure: Failure | null
  /** When this step began, in milliseconds since the epoch. */
  readonly beganAt: number
  /** The same when this try of this step runs again after a crash or a wake-up, and different from all others: an id for what it makes. */
  readonly key: string
  readonly world: T['World']
  /** Aborts when the step's time is over or the operation went to another runner. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** The step is finished. `after` runs once the step is durably so: hints, no more. */
export interface Done<Out> {
  readonly kind: 'done'
  readonly output: Out
  readonly after?: () => Promise<void>
  /** For the hook that is told that the step is over, and writes this with what it writes itself. */
  readonly writes?: unknown
}

/** The step waits for somebody to wake the operation, and is run again then, or after `pollMs`. */
export interface Parked {
  readonly kind: 'parked'
  readonly pollMs: number
  readonly after?: () => Promise<void>
}

/** What a step came to. A function runs in the very transaction that makes the step durable. */
export type Outcome<Out, Trx> = Done<Out> | Parked | ((trx: Trx) => Promise<Done<Out> | Parked>)

export const done = <Out>(output: Out, after?: () => Promise<void>): Done<Out> => ({
  kind: 'done',
  output,
  ...(after && { after }),
})

export const parked = (pollMs: number, after?: () => Promise<void>): Parked => ({
  kind: 'parked',
  pollMs,
  ...(after && { after }),
})

/** What an earlier attempt of a step gave, before something after it failed and the saga was rewound. */
export interface Earlier<Out> {
  readonly output: Out
  readonly failure: Failure
}

export interface Step<Params, Outputs, Out, T extends SagaTypes> {
  /** Idempotent. `earlier`: this step's outputs in attempts that were rewound, oldest first. */
  do(ctx: StepContext<Params, Outputs, T>, earlier: readonly Earlier<Out>[]): Promise<Outcome<Out, T['Trx']>>
  /** Idempotent, and safe when the step was never begun. `own`: what the step gave, if it finished. */
  undo?(ctx: StepContext<Params, Outputs, T>, own: Out | undefined): Promise<Outcome<void, T['Trx']>>
  /** Its `do` asks nobody but the transaction, in the function it answers: that may run in the one that ends the step before. */
  readonly onlyWrites?: true
  /** How long `do`, and `undo`, may take, parked time included. */
  readonly deadlineMs: number | ((world: T['World']) => number)
  /** Failures to try again in place, so many times, after so long (doubling each time). */
  readonly retry?: { readonly times: number; readonly delayMs: number; when(error: unknown): boolean }
  /** Failures after which the saga is undone down to and with step `to`, and done again from there. */
  readonly rewind?: {
    readonly to: string & keyof Outputs
    when(error: unknown): boolean
    /** How many attempts there may be in all. */
    attempts(world: T['World']): number
  }
}

/** A step with its types forgotten, as the runner sees it: the journal's JSON goes in and out. */
export type AnyStep<T extends SagaTypes> = Omit<
  Step<unknown, Readonly<Record<string, unknown>>, unknown, T>,
  'rewind'
> & {
  readonly name: string
  readonly columns: T['StepColumns']
  readonly rewind?: {
    readonly to: string
    when(error: unknown): boolean
    attempts(world: T['World']): number
  }
}

export interface Saga<T extends SagaTypes> {
  readonly name: string
  readonly columns: T['SagaColumns']
  readonly steps: readonly AnyStep<T>[]
}

/** The step that a saga begins with; none has no steps. */
export function firstStep<T extends SagaTypes>(saga: Saga<T>): AnyStep<T> {
  const first = saga.steps[0]
  if (!first) throw new Error(`saga ${saga.name} has no steps`)
  return first
}

/** A saga in the making; it is a `Saga` after each step. */
export interface SagaBuilder<Params, Outputs, T extends SagaTypes> extends Saga<T> {
  /** Adds a step. Its output is a field, under its name, of what later steps see. */
  step<const Name extends string, Out>(
    name: Name extends keyof Outputs ? never : Name,
    columns: T['StepColumns'],
    step: Step<Params, Outputs, Out, T>,
  ): SagaBuilder<Params, Outputs & { readonly [N in Name]: Out }, T>
}

/** Begins a saga. Parameters and outputs travel as JSON: no dates, no class instances. */
export function saga<Params, T extends SagaTypes>(
  name: string,
  columns: T['SagaColumns'],
): SagaBuilder<Params, object, T> {
  return builder<Params, object, T>({ name, columns, steps: [] })
}

function builder<Params, Outputs, T extends SagaTypes>(made: Saga<T>): SagaBuilder<Params, Outputs, T> {
  return {
    ...made,
    step: (name, stepColumns, step) => {
      if (made.steps.some((other) => other.name === name))
        throw new Error(`saga ${made.name} has two steps ${name}`)
      // The one place where types are forgotten: the builder has checked that they fit.
      const forgotten = { ...step, name, columns: stepColumns } as unknown as AnyStep<T>
      return builder({ ...made, steps: [...made.steps, forgotten] })
    },
  }
}

/** Thrown by a step that finds its operation no longer wanted: undone as a cancelled one, without a failure. */
export class OperationCancelled extends Error {
  override readonly name = 'OperationCancelled'
}

/** A step took too long. */
export class StepTimeout extends Error {
  override readonly name = 'StepTimeout'
}
