/** The table of operations: Nova's answers for what it refuses, and walks through it that never get stuck. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type JudgedInstance,
  type Operation,
  OPERATION_NAMES,
  refusalFault,
  requireAllowed,
  ruleOf,
  statusOf,
  TASK_STATES,
  type TaskState,
  verdictFor,
  VM_STATES,
  type VmState,
} from './index.ts'

const user = { isAdmin: false }
const admin = { isAdmin: true }

const instance = (differs: Partial<JudgedInstance> = {}): JudgedInstance => ({
  uuid: 'u1',
  vmState: 'active',
  taskState: null,
  launchedAt: 1,
  locked: false,
  host: 'h1',
  ...differs,
})

/** What Nova says when this is asked of that; undefined when it does it. */
function answer(operation: Operation, differs: Partial<JudgedInstance>, asker = user): string | undefined {
  const verdict = verdictFor(operation, instance(differs), asker)
  if (verdict.go) return undefined
  const fault = refusalFault(operation, 'u1', verdict.refusal)
  assert.equal(fault.kind, 'conflict')
  return fault.message
}

const ANSWERS: readonly [Operation, Partial<JudgedInstance>, string | undefined][] = [
  ['stop', {}, undefined],
  ['stop', { vmState: 'stopped' }, "Cannot 'stop' instance u1 while it is in vm_state stopped"],
  ['stop', { taskState: 'powering-off' }, "Cannot 'stop' instance u1 while it is in task_state powering-off"],
  [
    'stop',
    { vmState: 'stopped', taskState: 'deleting' },
    "Cannot 'stop' instance u1 while it is in vm_state stopped",
  ],
  ['stop', { launchedAt: null }, "Instance u1 is in an invalid state for 'stop'"],
  ['stop', { host: null }, 'Instance u1 is not ready'],
  ['stop', { locked: true, vmState: 'stopped' }, 'Instance u1 is locked'],
  ['confirm_resize', {}, "Cannot 'confirmResize' instance u1 while it is in vm_state active"],
  [
    'shelve_offload',
    { vmState: 'shelved_offloaded' },
    "Cannot 'shelveOffload' instance u1 while it is in vm_state shelved_offloaded",
  ],
  ['_hard_reboot', { taskState: 'reboot_started' }, undefined],
  [
    '_soft_reboot',
    { taskState: 'reboot_started' },
    "Cannot 'reboot' instance u1 while it is in task_state reboot_started",
  ],
  ['delete', { vmState: 'building', taskState: 'deleting', launchedAt: null, host: null }, undefined],
  ['delete', { locked: true }, 'Instance u1 is locked'],
  ['snapshot', { locked: true }, undefined],
  [
    'get_vnc_console',
    { taskState: 'migrating' },
    "Cannot 'get_vnc_console' instance u1 while it is in task_state migrating",
  ],
  ['get_vnc_console', { taskState: 'rebooting' }, undefined],
  [
    'live_migrate_abort',
    { taskState: null },
    "Instance u1 is in an invalid state for 'abort live migration'",
  ],
]

test('what is refused is refused in the words of Nova', () => {
  for (const [operation, differs, expected] of ANSWERS) {
    assert.equal(answer(operation, differs), expected, `${operation} ${JSON.stringify(differs)}`)
  }
})

test('a lock stops everyone but admins, and only where the table says so', () => {
  for (const operation of OPERATION_NAMES) {
    const lockedOut = answer(operation, { locked: true }) === 'Instance u1 is locked'
    assert.equal(lockedOut, ruleOf(operation).refusedWhenLocked, operation)
    assert.equal(answer(operation, { locked: true }, admin), answer(operation, {}, admin), operation)
  }
})

test('the API may have another word for an operation', () => {
  assert.throws(() => requireAllowed('resize', instance({ vmState: 'error' }), user, 'migrate'), {
    message: "Cannot 'migrate' instance u1 while it is in vm_state error",
  })
})

test('an operation under way shows a status, and keeps others out unless they may overtake it', () => {
  for (const operation of OPERATION_NAMES) {
    const { through, vmStates, taskStates } = ruleOf(operation)
    if (through === null || vmStates === 'any') continue
    for (const vmState of vmStates) {
      const during = instance({ vmState, taskState: through })
      assert.notEqual(statusOf(vmState, through), 'UNKNOWN')
      assert.equal(verdictFor('delete', during, user).go, true)
      if (taskStates !== 'any' && !taskStates.includes(through)) {
        assert.equal(verdictFor(operation, during, user).go, false, `${operation} during itself`)
      }
    }
  }
})

/** Does operations as they come, each to its end, when the table lets it. */
function walk(steps: readonly { operation: Operation; end: number }[]): VmState[] {
  const visited: VmState[] = ['active']
  for (const { operation, end } of steps) {
    const vmState = visited.at(-1) ?? 'active'
    const { to } = ruleOf(operation)
    if (vmState === 'deleted' || !verdictFor(operation, instance({ vmState }), user).go) continue
    visited.push(to[end % Math.max(to.length, 1)] ?? vmState)
  }
  return visited
}

const step = fc.record({ operation: fc.constantFrom(...OPERATION_NAMES), end: fc.nat(3) })

test('wherever a random walk leads, there is a way to active and a way out', () => {
  const walks = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const end = walk(steps).at(-1) ?? 'active'
    if (end === 'deleted') return
    assert.equal(verdictFor('delete', instance({ vmState: end }), user).go, true)
    assert.ok(reachable(end).has('active'), `from ${end} nothing leads to active`)
  })
  fc.assert(walks)
})

test('every vm state but building and error is reached by some operation', () => {
  const found = reachable('active')
  const never = VM_STATES.filter((vmState) => !found.has(vmState))
  assert.deepEqual(never, ['building', 'error'])
})

/** All vm states that operations lead to from this one. */
function reachable(start: VmState): Set<VmState> {
  const found = new Set<VmState>([start])
  for (const vmState of found) {
    for (const operation of OPERATION_NAMES) {
      if (vmState === 'deleted' || !verdictFor(operation, instance({ vmState }), user).go) continue
      for (const end of ruleOf(operation).to) found.add(end)
    }
  }
  return found
}

test('every task state that an operation goes through is one of the known', () => {
  const known = new Set<TaskState>(TASK_STATES)
  for (const operation of OPERATION_NAMES) {
    const { through } = ruleOf(operation)
    assert.ok(through === null || known.has(through), operation)
  }
})
