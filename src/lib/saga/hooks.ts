/** What a runner is given: the hooks that tell the world of each turn, and what driving an operation needs. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import type { Ending, Journal, Leased } from './journal.ts'
import type { AnyStep, Failure, Saga, SagaTypes } from './saga.ts'

/** Where an operation stands, as hooks are told. */
export interface Moment<T extends SagaTypes> {
  readonly operation: Leased<T['Context']>
  readonly saga: Saga<T>
  readonly attempt: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What is kept of an operation that is over. */
export interface Kept {
  /** Left out: as it was asked with. */
  readonly params?: unknown
}

/** What the owner of sagas writes with each turn, in its transaction: states, events, faults. */
export interface Hooks<T extends SagaTypes> {
  /**
   * Going forward, `from` is over (null: nothing was before) and `to` begins (null: nothing follows, or
   * the undoing begins, because of `failure` if any). May throw `OperationCancelled` when the subject went away.
   */
  moved(
    trx: T['Trx'],
    moment: Moment<T>,
    move: {
      readonly from: AnyStep<T> | null
      readonly to: AnyStep<T> | null
      /** When `to` began, which may be before this transaction. */
      readonly beganAt: number
      readonly failure: Failure | null
      /** The operation begins, with `to`; left out when it begins again after a rewind. */
      readonly begins?: boolean
      /** What `from` leaves to this hook to write. */
      readonly writes?: unknown
    },
  ): Promise<void>
  /** Whether going from one step to the next is told to nobody: `moved` would write nothing. Left out: never. */
  isQuiet?(from: AnyStep<T>, to: AnyStep<T>): boolean
  /** The operation is over. `leftBehind`: steps whose undo was given up. May answer what is kept of its parameters. */
  ended(
    trx: T['Trx'],
    moment: Moment<T>,
    end: {
      readonly ending: Ending
      readonly failure: Failure | null
      readonly leftBehind: readonly string[]
    },
  ): Promise<Kept>
}

/** What came of one turn of an operation, for counting. */
export interface SagaNews {
  readonly saga: string
  /** Null: of the operation as a whole, which is over. */
  readonly step: string | null
  readonly outcome: 'done' | 'parked' | 'failed' | 'undone' | 'undo failed' | Ending
  /** Since the step began, pauses included; 0 of an operation. */
  readonly ms: number
}

export interface DriveOptions<T extends SagaTypes> {
  readonly journal: Journal<T>
  readonly hooks: Hooks<T>
  readonly world: T['World']
  readonly clock: Clock
  readonly log: Log
  readonly owner: string
  /** How often an undo is tried before it is left to repair; after 1, 2, 4… times `undoDelayMs`. */
  readonly undoTries: number
  readonly undoDelayMs: number
  /** How long an aborted step is waited for before its operation goes on without it. */
  readonly settleMs: number
  /** Hears of every turn. Must be quick and not throw. */
  readonly observe?: ((news: SagaNews) => void) | undefined
}

/** What became of a drive. `parked` says when the operation is due again. */
export type Verdict =
  | { readonly kind: 'ended'; readonly ending: Ending }
  | { readonly kind: 'parked'; readonly wakeAt: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'handed over' }
