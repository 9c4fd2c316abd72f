/**
 * The saga runner's port to a database: operations with their progress, and leases on them. What is
 * saved with a step is saved in the same transaction as the change of state that the step caused.
 */
import type { Failure, SagaTypes } from './saga.ts'

/** What an operation is being undone for. */
export type Goal = 'fail' | 'cancel' | { readonly rewindTo: string }

/** How far an operation has come: JSON, written whole with each step. */
export interface Progress {
  readonly direction: 'forward' | 'unwinding'
  /** The step to do, or to undo, next. It may have been begun. */
  readonly step: string
  /** The step's beginning has been told (task state, event). */
  readonly announced: boolean
  /** Milliseconds since the epoch. */
  readonly beganAt: number
  /** Failed tries of this step. */
  readonly tries: number
  readonly attempt: number
  /** What finished steps gave, by name. */
  readonly outputs: Readonly<Record<string, unknown>>
  /** The outputs of attempts that were rewound, and why. */
  readonly earlier: readonly {
    readonly outputs: Readonly<Record<string, unknown>>
    readonly failure: Failure
  }[]
  readonly goal: Goal | null
  readonly failure: Failure | null
  /** Steps whose undo was given up: repair finds what they left. */
  readonly leftBehind: readonly string[]
  /** The end was told before: what is undone now was given up then. */
  readonly isTold?: true
}

export type Ending = 'done' | 'failed' | 'cancelled'

export interface OperationInfo<Context> {
  readonly id: string
  readonly saga: string
  readonly subject: string
  readonly requestId: string
  readonly context: Context
}

/** An operation as it is leased. */
export interface Leased<Context> extends OperationInfo<Context> {
  readonly params: unknown
  /** Null when nothing was done yet. */
  readonly progress: Progress | null
  readonly cancelled: boolean
  /** How often the operation was woken so far. */
  readonly wakes: number
}

export type Entry =
  | { readonly status: 'live'; readonly progress: Progress }
  /** Gives the lease back; due at `wakeAt`, or at once when somebody woke it since `wakesSeen`. */
  | {
      readonly status: 'parked'
      readonly progress: Progress
      readonly wakeAt: number
      readonly wakesSeen: number
    }
  | {
      readonly status: 'ended'
      readonly progress: Progress
      readonly ending: Ending
      /** What is kept of the operation's parameters; left out: all. */
      readonly params?: unknown
    }

export interface Journal<T extends SagaTypes> {
  /** Leases live operations of the named sagas that are due and that nobody holds, the longest due first. */
  claim(request: {
    readonly owner: string
    readonly sagas: readonly string[]
    readonly now: number
    readonly leaseUntil: number
    readonly limit: number
  }): Promise<readonly Leased<T['Context']>[]>
  /** Prolongs leases; answers the ids still held by the owner. */
  renew(owner: string, ids: readonly string[], leaseUntil: number): Promise<ReadonlySet<string>>
  /** Gives a lease back, the operation being due at once. Nothing happens when the owner does not hold it. */
  release(owner: string, id: string): Promise<void>
  /** With a subject: what is about that and nothing else, and may share a transaction with work about others. */
  transaction<R>(work: (trx: T['Trx']) => Promise<R>, subject?: string): Promise<R>
  /** Writes an entry. Throws `LeaseLost` when the owner does not hold the operation any more. */
  save(
    trx: T['Trx'],
    owner: string,
    id: string,
    entry: Entry,
  ): Promise<{ readonly cancelled: boolean; readonly wakes: number }>
  /** Whether an error says that the database is away: nothing of the operation failed, it waits. */
  isAway(error: unknown): boolean
}

/** Somebody else works on the operation now: stop, and write nothing. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}
