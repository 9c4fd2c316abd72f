/** May this be asked of this instance now? And if not, Nova's words for why. */
import { conflict, type Fault } from '#lib/fault.ts'
import type { Instance } from './instance.ts'
import { type Operation, ruleOf } from './operations.ts'

/** What of an instance decides. */
export type JudgedInstance = Pick<
  Instance,
  'uuid' | 'vmState' | 'taskState' | 'launchedAt' | 'locked' | 'host'
>

export type Refusal =
  | { readonly because: 'locked' }
  | { readonly because: 'noHost' }
  | { readonly because: 'vm_state' | 'task_state' | 'launched_at'; readonly state: string | null }

export type Verdict = { readonly go: true } | { readonly go: false; readonly refusal: Refusal }

export interface Asker {
  /** An admin is not stopped by a lock (`unlock_override`). */
  readonly isAdmin: boolean
}

/**
 * Whether `operation` may be asked of `instance` now. In Nova's order: the lock, the host, the vm
 * state, the task state, whether it ever ran, and only then a host that must be up. Whether it is is for the
 * caller to ask.
 */
export function verdictFor(operation: Operation, instance: JudgedInstance, asker: Asker): Verdict {
  const refusal = refusalOf(operation, instance, asker)
  return refusal ? { go: false, refusal } : { go: true }
}

function refusalOf(operation: Operation, instance: JudgedInstance, asker: Asker): Refusal | undefined {
  const { refusedWhenLocked, needsHost, vmStates, taskStates, notDuring, mustHaveLaunched } =
    ruleOf(operation)
  const { vmState, taskState, launchedAt } = instance
  if (refusedWhenLocked && instance.locked && !asker.isAdmin) return { because: 'locked' }
  if (needsHost === 'set' && instance.host === null) return { because: 'noHost' }
  if (vmStates !== 'any' && !vmStates.includes(vmState)) return { because: 'vm_state', state: vmState }
  const isBusy = taskStates !== 'any' && !taskStates.includes(taskState)
  if (isBusy || (taskState !== null && notDuring.includes(taskState)))
    return { because: 'task_state', state: taskState }
  if (mustHaveLaunched && launchedAt === null) return { because: 'launched_at', state: null }
  if (needsHost === 'up' && instance.host === null) return { because: 'noHost' }
  return undefined
}

/** Nova's 409 for a refusal. `action`: where the API calls the operation otherwise (`migrate` for a resize). */
export function refusalFault(
  operation: Operation,
  uuid: string,
  refusal: Refusal,
  action: string = ruleOf(operation).action,
): Fault {
  if (refusal.because === 'locked') return conflict(`Instance ${uuid} is locked`)
  if (refusal.because === 'noHost') return conflict(`Instance ${uuid} is not ready`)
  const { because, state } = refusal
  if (state === null) return conflict(`Instance ${uuid} is in an invalid state for '${action}'`)
  return conflict(`Cannot '${action}' instance ${uuid} while it is in ${because} ${state}`)
}

/** Throws Nova's 409 unless `operation` may be asked of `instance` now. */
export function requireAllowed(
  operation: Operation,
  instance: JudgedInstance,
  asker: Asker,
  action?: string,
): void {
  const verdict = verdictFor(operation, instance, asker)
  if (!verdict.go) throw refusalFault(operation, instance.uuid, verdict.refusal, action)
}
