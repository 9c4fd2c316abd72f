/** An operation's progress: its beginning, and what goes into it. */
import { isFault } from '#lib/fault.ts'
import { messageOf } from '#lib/undo.ts'
import type { Progress } from './journal.ts'
import type { Failure } from './saga.ts'

/** The stack, and the stacks of the causes. */
const chainOf = (error: unknown): string => {
  const own = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return error instanceof Error && error.cause !== undefined
    ? `${own}\ncaused by: ${chainOf(error.cause)}`
    : own
}

export const failureOf = (step: string, error: unknown): Failure => ({
  step,
  name: error instanceof Error ? error.name : 'Error',
  code: isFault(error) ? error.status : 500,
  message: messageOf(error),
  details: chainOf(error),
})

/** Over the journal and back: what later steps see is the same before and after a crash. */
export const asJournaled = (value: unknown): unknown =>
  value === undefined ? null : JSON.parse(JSON.stringify(value))

export const freshProgress = (step: string, at: number): Progress => ({
  direction: 'forward',
  step,
  announced: false,
  beganAt: at,
  tries: 0,
  attempt: 1,
  outputs: {},
  earlier: [],
  goal: null,
  failure: null,
  leftBehind: [],
})

/** The name of no step: undoing begins with the furthest of those that were given up. */
const GIVEN_UP = ''

/** The progress of an operation that ended with something left behind, as that is undone at last. */
export function undoneAtLast(progress: Progress, at: number): Progress {
  return { ...progress, step: GIVEN_UP, beganAt: at, tries: 0, isTold: true }
}
