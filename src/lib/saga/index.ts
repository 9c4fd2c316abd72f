/** Sagas: long operations as tables of steps, with a journal, leases, undo and resumption after crashes. */
export type { Hooks, Moment, SagaNews } from './hooks.ts'
export {
  type Ending,
  type Entry,
  type Journal,
  type Leased,
  LeaseLost,
  type Progress,
} from './journal.ts'
export { undoneAtLast } from './progress.ts'
export { createRunner, type Runner } from './runner.ts'
export {
  type AnyStep,
  type Done,
  done,
  type Earlier,
  type Failure,
  OperationCancelled,
  type Outcome,
  type Parked,
  parked,
  type Saga,
  saga,
  type SagaBuilder,
  type SagaTypes,
  type Step,
  type StepContext,
} from './saga.ts'
