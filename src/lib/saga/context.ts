/** What a step is given as it is done or undone, and what comes of it. */
import type { Log } from '#lib/log.ts'
import type { Entry, Leased, Progress } from './journal.ts'
import type { AnyStep, Earlier, SagaTypes, StepContext } from './saga.ts'

export function contextOf<T extends SagaTypes>(
  operation: Leased<T['Context']>,
  step: AnyStep<T>,
  progress: Progress,
  given: { readonly world: T['World']; readonly signal: AbortSignal; readonly log: Log },
): StepContext<unknown, Readonly<Record<string, unknown>>, T> {
  return {
    operationId: operation.id,
    subject: operation.subject,
    requestId: operation.requestId,
    context: operation.context,
    params: operation.params,
    outputs: progress.outputs,
    attempt: progress.attempt,
    failure: progress.failure,
    beganAt: progress.beganAt,
    key: [
      operation.id,
      step.name,
      progress.attempt,
      progress.direction === 'forward' ? 'do' : 'undo',
      progress.tries,
    ].join(':'),
    world: given.world,
    signal: given.signal,
    log: given.log.child({ step: step.name }),
  }
}

/** What the step gave in the attempts before. */
export const earlierOf = <T extends SagaTypes>(step: AnyStep<T>, progress: Progress): Earlier<unknown>[] =>
  progress.earlier.map(({ outputs, failure }) => ({ output: outputs[step.name], failure }))

/** An entry, and what is to be hinted at when it is durable. */
export type Written = Entry & { readonly after?: (() => Promise<void>) | undefined }

/** What might have begun with the end of the step before could not: it is done in its own turn, and fails there. */
export class NotBegun extends Error {
  override readonly name = 'NotBegun'
}
